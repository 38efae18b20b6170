package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/logs"
)

// TestAProjectBeyondItsLogBytesKeepsErrorsOnly fills one project's bound: its
// lines below error are dropped and counted by one line a minute, errors stay, and
// another project is not touched.
func TestAProjectBeyondItsLogBytesKeepsErrorsOnly(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.UnixMilli(1_000_000)}
	dir := t.TempDir()
	opts := Options{Now: c.now, LogProject: 4 << 10}
	d := open(t, dir, opts)
	key := addDevice(t, d, project(t, d).ID, "loud")
	p, err := d.CreateProject(t.Context(), "default", "other")
	if err != nil {
		t.Fatal(err)
	}
	quiet := addDevice(t, d, p.ID, "quiet")

	long := strings.Repeat("x", 1000)
	for range 10 {
		say(d, key, 1, long)
		settle(t, d) // one after the other: together they would be one record's
	}
	rows := read(t, d, logs.Query{Device: key, Limit: 100}).Rows
	if len(rows) != 4 || rows[3].Message == long || string(rows[3].Fields) != `{"dropped":1,"limit":4096}` || rows[3].Level != "warn" {
		t.Fatalf("kept %d rows, the last is %+v", len(rows), rows[len(rows)-1])
	}
	if got := d.Stats().LinesDropped; got != 7 {
		t.Errorf("%d lines counted as dropped, want 7", got)
	}
	say(d, key, 2, long, "error:too warm", long)
	say(d, quiet, 2, long)
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 100}).Rows[4:], "too warm")
	wantMessages(t, read(t, d, logs.Query{Device: quiet, Limit: 100}).Rows, long)

	// A restart remembers what is there, and tells again.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, opts)
	c.at = c.at.Add(time.Hour)
	say(d, key, 3, long)
	settle(t, d)
	rows = read(t, d, logs.Query{Device: key, Limit: 100}).Rows
	if last := rows[len(rows)-1]; len(rows) != 6 || last.Message == long {
		t.Errorf("after a restart %d rows, the last is %.40q", len(rows), last.Message)
	}
}

// TestRoomComesBackWhenLogFilesRetire cuts a file for every line, so that
// retention can take the old ones.
func TestRoomComesBackWhenLogFilesRetire(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.UnixMilli(1_000_000)}
	d := open(t, t.TempDir(), Options{Now: c.now, LogProject: 2 << 10, LogFileSize: 1, LogAge: time.Hour})
	key := addDevice(t, d, project(t, d).ID, "loud")
	long := strings.Repeat("x", 1000)
	for range 3 {
		say(d, key, c.at.UnixMilli(), long)
		settle(t, d)
	}
	if got := d.Stats().LinesDropped; got != 2 { // one room for 1,064 bytes in 2,048
		t.Fatalf("%d lines dropped", got)
	}
	c.at = c.at.Add(2 * time.Hour)
	say(d, key, c.at.UnixMilli(), "error:cut")
	settle(t, d)
	if err := d.Retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	say(d, key, c.at.UnixMilli(), long)
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 100}).Rows, "cut", long)
}
