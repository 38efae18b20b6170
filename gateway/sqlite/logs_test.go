package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// settle waits until every row taken so far is committed.
func settle(t testing.TB, d *DB) {
	t.Helper()
	d.sequence.mu.Lock()
	newest := d.sequence.next - 1
	d.sequence.mu.Unlock()
	deadline := time.After(10 * time.Second)
	for {
		changed := d.Changed()
		if d.sequence.watermark() >= newest {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("watermark %d after 10 s, want %d", d.sequence.watermark(), newest)
		}
	}
}

func read(t testing.TB, d *DB, q logs.Query) logs.Page {
	t.Helper()
	page, err := d.Logs(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func messages(rows []logs.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.Message)
	}
	return out
}

func wantMessages(t testing.TB, rows []logs.Row, want ...string) {
	t.Helper()
	if got := messages(rows); !slices.Equal(got, want) {
		t.Fatalf("rows %q, want %q", got, want)
	}
}

// say appends one event with these lines.
func say(d *DB, key device.Key, at int64, texts ...string) {
	rec := logs.Record{Device: key, Script: "thermostat", Version: 1, EventID: "m", Kind: runtime.Message, At: at}
	for _, text := range texts {
		level, message, ok := strings.Cut(text, ":")
		if !ok {
			level, message = "info", text
		}
		rec.Lines = append(rec.Lines, line(runtime.Level(level), at, message))
	}
	d.Append(rec)
}

func TestLogsFilterByLevelAndTime(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	key, other := addDevice(t, d, p.ID, "d"), addDevice(t, d, p.ID, "other")
	say(d, key, 1000, "debug:a", "info:b", "warn:c", "error:d")
	say(d, other, 1500, "not mine")
	say(d, key, 2000, "error:e", "warn:f", "debug:g")
	settle(t, d)
	all := logs.Query{Device: key, Limit: 100}
	wantMessages(t, read(t, d, all).Rows, "a", "b", "c", "d", "e", "f", "g")
	for level, want := range map[runtime.Level][]string{
		runtime.Debug: {"a", "b", "c", "d", "e", "f", "g"}, runtime.Info: {"b", "c", "d", "e", "f"},
		runtime.Warn: {"c", "d", "e", "f"}, runtime.Error: {"d", "e"},
	} {
		q := all
		q.Level = level
		wantMessages(t, read(t, d, q).Rows, want...)
	}
	since := all
	since.Since, since.Limit = 1001, 2
	page := read(t, d, since)
	wantMessages(t, page.Rows, "e", "f")
	since.Cursor = page.Cursor
	wantMessages(t, read(t, d, since).Rows, "g")
	newest := all
	newest.Limit = 3
	wantMessages(t, read(t, d, newest).Rows, "e", "f", "g")
}

func TestOutcomesOfGoodEventsAreStoredButNotShown(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	rec := logs.Record{Device: o.key, Outcome: true, At: 5, Lines: []runtime.Line{line(runtime.Info, 5, "a"), line(runtime.Info, 5, "b")}}
	if err := o.commit(dispatch.Change{KV: put("k", "1"), Log: &rec}); err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: o.key, Limit: 10}).Rows, "a", "b")
	var count int64
	err := d.readers.do(context.Background(), func(c *conn) (err error) {
		count, err = c.number(`SELECT lines FROM outcomes WHERE device = ?`, 1)
		return err
	})
	if err != nil || count != 2 {
		t.Fatalf("outcome row counts %d lines, error %v", count, err)
	}
}

func TestAnErrorWithoutACommitIsKept(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	d.Append(logs.Record{Device: key, At: 5, Outcome: true, Lines: []runtime.Line{line(runtime.Info, 5, "a")},
		Error: &runtime.ScriptError{Name: "Error", Message: "boom"}})
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10}).Rows, "a", "Error: boom")
}

// small makes log files that are cut all the time.
var small = Options{LogFileSize: 1}

func TestLogFilesAreCutAndMerged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, small)
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	var want []string
	for i := range 30 {
		text := fmt.Sprintf("line %02d", i)
		want = append(want, text)
		if i%3 == 0 {
			rec := logs.Record{Device: o.key, At: int64(i), Outcome: true, Error: &runtime.ScriptError{Name: "Error", Message: text}}
			if err := o.commit(dispatch.Change{Log: &rec}); err != nil {
				t.Fatal(err)
			}
			want[i] = "Error: " + text
		} else {
			say(d, o.key, int64(i), text)
		}
		if i%2 == 0 {
			settle(t, d)
		}
	}
	settle(t, d)
	if n := len(d.files.snapshot()); n < 10 {
		t.Fatalf("%d files, want many", n)
	}
	check := func() {
		t.Helper()
		wantMessages(t, read(t, d, logs.Query{Device: o.key, Limit: 100}).Rows, want...)
		wantMessages(t, read(t, d, logs.Query{Device: o.key, Limit: 7}).Rows, want[23:]...)
		var forward []string
		q := logs.Query{Device: o.key, Limit: 4, Since: 1}
		for {
			page := read(t, d, q)
			if len(page.Rows) == 0 {
				break
			}
			forward = append(forward, messages(page.Rows)...)
			q.Cursor, q.Since = page.Cursor, 0
		}
		if !slices.Equal(forward, want[1:]) {
			t.Fatalf("page by page: %q", forward)
		}
	}
	check()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, small)
	check()
}

func TestALogFileIsCutByAge(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.UnixMilli(1_000_000)}
	d := open(t, t.TempDir(), Options{Now: c.now})
	key := addDevice(t, d, project(t, d).ID, "d")
	for _, step := range []time.Duration{0, time.Hour, 5 * time.Hour, time.Minute} {
		settle(t, d)
		c.at = c.at.Add(step)
		say(d, key, d.now(), "x")
	}
	settle(t, d)
	if n := len(d.files.snapshot()); n != 2 {
		t.Fatalf("%d files, want 2", n)
	}
}

func TestARestartContinuesTheIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var newest int64
	var cursor string
	for run := range 3 {
		d := open(t, dir, Options{})
		var key device.Key
		if run == 0 {
			key = addDevice(t, d, project(t, d).ID, "d")
		} else {
			p, err := d.Project(context.Background(), "default", "plant")
			if err != nil {
				t.Fatal(err)
			}
			key = device.Key{Project: p.ID, ID: "d"}
		}
		text := fmt.Sprintf("run %d", run)
		say(d, key, d.now(), text)
		settle(t, d)
		page := read(t, d, logs.Query{Device: key, Limit: 10, Cursor: cursor})
		wantMessages(t, page.Rows, text)
		if page.Rows[0].ID <= newest {
			t.Fatalf("id %d after %d", page.Rows[0].ID, newest)
		}
		newest, cursor = page.Rows[0].ID, page.Cursor
		if n := len(d.files.snapshot()); n != 1 {
			t.Fatalf("%d files, want 1", n)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFollowerMissesNothingAndSeesNothingTwice(t *testing.T) {
	t.Parallel()
	const writers, events = 8, 60
	d := open(t, t.TempDir(), Options{LogFileSize: 64 << 10})
	key := addDevice(t, d, project(t, d).ID, "d")
	start := read(t, d, logs.Query{Device: key, Limit: 1}).Cursor

	// The watermark must hold back rows whose elders are still on their way, to
	// either file: every writer mixes both.
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range events {
				rec := logs.Record{Device: key, At: int64(n), EventID: fmt.Sprintf("%d-%d", w, n), Kind: runtime.Message}
				if n%2 == 0 {
					rec.Lines = []runtime.Line{line(runtime.Info, int64(n), "1"), line(runtime.Info, int64(n), "2")}
				}
				if n%3 == 0 || n%2 == 1 {
					rec.Outcome, rec.Error = true, &runtime.ScriptError{Name: "E", Message: "3"}
				}
				d.Append(rec)
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()

	var seen []logs.Row
	q := logs.Query{Device: key, Limit: 17, Cursor: start}
	for finished := false; ; {
		changed := d.Changed()
		page := read(t, d, q)
		seen = append(seen, page.Rows...)
		q.Cursor = page.Cursor
		if len(page.Rows) > 0 {
			continue
		}
		if finished {
			break
		}
		select {
		case <-changed:
		case <-done:
			settle(t, d)
			finished = true
		}
	}
	all := logs.Query{Device: key, Limit: logs.MaxLimit, Cursor: start}
	var want []int64
	for page := read(t, d, all); len(page.Rows) > 0; page = read(t, d, all) {
		for _, r := range page.Rows {
			want = append(want, r.ID)
		}
		all.Cursor = page.Cursor
	}
	var got []int64
	perEvent := map[string]string{}
	for _, r := range seen {
		got = append(got, r.ID)
		perEvent[r.Event.ID] += r.Message + " "
	}
	if !slices.Equal(got, want) || !slices.IsSorted(got) {
		t.Fatalf("the follower saw %d rows, there are %d", len(got), len(want))
	}
	if len(perEvent) != writers*events {
		t.Fatalf("rows of %d events, want %d", len(perEvent), writers*events)
	}
	for id, text := range perEvent {
		if text != "1 2 " && text != "1 2 E: 3 " && text != "E: 3 " {
			t.Fatalf("event %s: %q", id, text)
		}
	}
}

func TestCursorsAreChecked(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	stranger := open(t, t.TempDir(), Options{})
	good := read(t, d, logs.Query{Device: key, Limit: 1}).Cursor
	for _, bad := range []string{"x", "!", "12", good + "A", strings.ToLower(good) + "z", stranger.cursor(3)} {
		if _, err := d.Logs(context.Background(), logs.Query{Device: key, Limit: 1, Cursor: bad}); !errors.Is(err, logs.ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	if page := read(t, d, logs.Query{Device: key, Limit: 1, Cursor: good}); page.Cursor != good {
		t.Errorf("nothing new, but the cursor moved from %s to %s", good, page.Cursor)
	}
}

func TestADeviceMadeAgainHasNoOldLogs(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	key := addDevice(t, d, p.ID, "d")
	say(d, key, 1, "old")
	d.Append(logs.Record{Device: key, Outcome: true, Error: &runtime.ScriptError{Name: "Error", Message: "old"}})
	settle(t, d)
	if err := d.Remove(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	if rows := read(t, d, logs.Query{Device: key, Limit: 10}).Rows; len(rows) != 0 {
		t.Fatalf("a removed device has rows %v", messages(rows))
	}
	addDevice(t, d, p.ID, "d")
	say(d, key, 2, "new")
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10}).Rows, "new")
}

func TestReadsOfOneDeviceUseItsIndex(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	say(d, key, 1, "x")
	settle(t, d)
	explain := func(query string) func(c *conn) error {
		return func(c *conn) error {
			return c.each(func(r row) error {
				if plan := r.text(3); !strings.Contains(plan, "USING INDEX") && !strings.Contains(plan, "USING COVERING INDEX") {
					return fmt.Errorf("%s: %s", query, plan)
				}
				return nil
			}, "EXPLAIN QUERY PLAN "+query)
		}
	}
	for _, order := range []string{"ASC", "DESC"} {
		for _, loud := range []string{"", "level >= 2 AND "} {
			err := d.files.read(d.files.snapshot()[0], explain(`SELECT id, message FROM lines WHERE `+loud+
				`device = 1 AND id > 5 AND id <= 10 AND time >= 3 AND level >= 1 ORDER BY id `+order+` LIMIT 10`))
			if err != nil {
				t.Error(err)
			}
		}
		err := d.readers.do(context.Background(), explain(`SELECT id FROM outcomes
			WHERE device = 1 AND error IS NOT NULL AND id > 5 AND id <= 10 AND time >= 3 ORDER BY id `+order+` LIMIT 10`))
		if err != nil {
			t.Error(err)
		}
	}
}
