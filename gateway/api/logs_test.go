package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// write stores lines of one event of the lamp and waits until they are seen.
func (s *server) write(lines ...runtime.Line) {
	s.t.Helper()
	home, err := s.Project(s.t.Context(), "home")
	if err != nil {
		s.t.Fatal(err)
	}
	key := device.Key{Project: home.ID, ID: "lamp"}
	seen := len(s.rows(api.LogQuery{Limit: 1000}))
	s.db.Append(logs.Record{
		Device: key, Script: "light", Version: 3, EventID: "m-1", Kind: runtime.Message, At: time.Now().UnixMilli(), Lines: lines,
	})
	for deadline := time.Now().Add(20 * time.Second); len(s.rows(api.LogQuery{Limit: 1000})) < seen+len(lines); {
		changed := s.db.Changed()
		if len(s.rows(api.LogQuery{Limit: 1000})) >= seen+len(lines) {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Until(deadline)):
			s.t.Fatal("the lines are not seen")
		}
	}
}

func (s *server) rows(q api.LogQuery) []logs.Row {
	s.t.Helper()
	page, err := s.Logs(s.t.Context(), "home", "lamp", q)
	if err != nil {
		s.t.Fatal(err)
	}
	return page.Items
}

func texts(rows []logs.Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Message)
	}
	return strings.Join(all, " ")
}

func TestLogsAreOldestFirstAndContinueAtTheCursor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	empty := s.do("GET", "/v1/projects/home/devices/lamp/logs", "")
	cursor, _ := empty.body["cursor"].(string)
	if empty.status != 200 || cursor == "" || !strings.HasPrefix(empty.text, `{"items":[],`) {
		t.Fatalf("empty: %d %s", empty.status, empty.text)
	}
	now := time.Now().UnixMilli()
	for i, level := range []runtime.Level{runtime.Debug, runtime.Info, runtime.Warn, runtime.Error} {
		s.write(runtime.Line{Time: now + int64(i), Level: level, Message: fmt.Sprint("m", i)})
	}
	for name, c := range map[string]struct {
		q    api.LogQuery
		want string
	}{
		"all":         {api.LogQuery{}, "m0 m1 m2 m3"},
		"newest two":  {api.LogQuery{Limit: 2}, "m2 m3"},
		"from warn":   {api.LogQuery{Level: runtime.Warn}, "m2 m3"},
		"from cursor": {api.LogQuery{Cursor: cursor, Limit: 3}, "m0 m1 m2"},
		"since":       {api.LogQuery{Since: now + 2}, "m2 m3"},
	} {
		if got := texts(s.rows(c.q)); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	first, err := s.Logs(t.Context(), "home", "lamp", api.LogQuery{Cursor: cursor, Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(s.rows(api.LogQuery{Cursor: first.Cursor})); got != "m3" {
		t.Errorf("behind the first page: %s", got)
	}
}

func TestLogRowHasItsShape(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	s.write(runtime.Line{Time: 1_790_000_000_000, Level: runtime.Info, Message: "hot", Fields: []byte(`{"celsius":31}`)},
		runtime.Line{Time: 1_790_000_000_001, Level: runtime.Info, Message: "plain"})
	got := s.do("GET", "/v1/projects/home/devices/lamp/logs", "")
	for _, want := range []string{
		`"time":1790000000000,"level":"info","message":"hot","fields":{"celsius":31},"device":"lamp","script":"light","version":3,"event":{"id":"m-1","kind":"message"}}`,
		`"message":"plain","fields":{},`,
	} {
		if !strings.Contains(got.text, want) {
			t.Errorf("%s without %s", got.text, want)
		}
	}
}

func TestLogQueriesThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	const path = "/v1/projects/home/devices/lamp/logs"
	for query, code := range map[string]string{
		"limit=0": "invalid_request", "limit=1001": "invalid_request", "level=loud": "invalid_request",
		"since=-1": "invalid_request", "cursor=nonsense": "invalid_cursor",
	} {
		s.refused(s.do("GET", path+"?"+query, ""), 400, code)
	}
	s.refused(s.do("GET", "/v1/projects/home/devices/nobody/logs", ""), 404, "not_found")
}
