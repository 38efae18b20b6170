package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/logs"
)

// logServer serves a log of n rows, whose ids count from 1, as REST does.
func logServer(t *testing.T, n *atomic.Int64, broken *atomic.Bool) target {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		q := r.URL.Query()
		limit, _ := strconv.Atoi(q.Get("limit"))
		last := int(n.Load())
		first := max(1, last-limit+1)
		switch {
		case q.Get("cursor") != "":
			after, _ := strconv.Atoi(q.Get("cursor"))
			first = after + 1
		case q.Get("since") != "":
			first = 1
		}
		page := api.LogPage{Items: []logs.Row{}, Cursor: strconv.Itoa(first - 1)}
		for id := first; id <= last && len(page.Items) < limit; id++ {
			page.Items = append(page.Items, logs.Row{ID: int64(id), Fields: json.RawMessage("{}")})
			page.Cursor = strconv.Itoa(id)
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(s.Close)
	return target{Client: &api.Client{URL: s.URL, HTTP: s.Client()}, project: "home"}
}

func TestNewestRowsAreShownOldestFirst(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	n.Store(2500)
	at := logServer(t, &n, new(atomic.Bool))
	for _, c := range []struct {
		flags logFlags
		first int64
		rows  int
	}{
		{logFlags{limit: 100}, 2401, 100},
		{logFlags{limit: 0}, 0, 0},
		{logFlags{limit: 1500}, 1001, 1500},
		{logFlags{limit: 9999}, 1, 2500},
		{logFlags{limit: 3, since: duration(time.Hour)}, 2498, 3},
	} {
		var ids []int64
		cursor, err := at.newest(t.Context(), "x", c.flags, time.Now(), func(r logs.Row) error {
			ids = append(ids, r.ID)
			return nil
		})
		if err != nil || cursor != "2500" {
			t.Fatalf("%+v: cursor %q, %v", c.flags, cursor, err)
		}
		if len(ids) != c.rows || !slices.IsSorted(ids) || len(ids) > 0 && (ids[0] != c.first || ids[len(ids)-1] != 2500) {
			t.Errorf("%+v: %d rows from %v", c.flags, len(ids), ids[:min(1, len(ids))])
		}
	}
}

func TestFollowerMissesNothingOverAnOutage(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	var broken atomic.Bool
	n.Store(5)
	at := logServer(t, &n, &broken)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var ids []int64
	found := 0
	f := follower{
		device: "x", cursor: "5",
		find: func() (target, error) {
			found++
			n.Store(2008)
			broken.Store(false)
			return at, nil
		},
		note: func(string, ...any) {},
		show: func(r logs.Row) error {
			ids = append(ids, r.ID)
			switch r.ID {
			case 6:
				broken.Store(true)
			case 2008:
				cancel()
			}
			return nil
		},
	}
	n.Store(6)
	if err := f.follow(ctx, at); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2003 || ids[0] != 6 || ids[2002] != 2008 || !slices.IsSorted(ids) || found == 0 {
		t.Errorf("%d rows, %d searches", len(ids), found)
	}
}

func TestFollowerEndsWhenTheServerRefuses(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	f := follower{device: "x", cursor: "1"}
	err := f.follow(t.Context(), target{Client: &api.Client{URL: s.URL}, project: "home"})
	if err == nil || exitCode(err) != 1 {
		t.Error(err)
	}
	f.show = func(logs.Row) error { return fmt.Errorf("pipe closed") }
	var n atomic.Int64
	n.Store(3)
	if err := f.follow(t.Context(), logServer(t, &n, new(atomic.Bool))); err == nil {
		t.Error("a reader that went away does not end it")
	}
}
