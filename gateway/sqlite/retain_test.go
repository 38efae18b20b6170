package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

func TestRetentionByAgeUnlinksFilesAndDeletesErrors(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.UnixMilli(1_000_000_000)}
	dir := t.TempDir()
	d := open(t, dir, Options{Now: c.now})
	key := addDevice(t, d, project(t, d).ID, "d")
	all := logs.Query{Device: key, Limit: 10}
	for _, text := range []string{"first", "second"} {
		say(d, key, d.now(), text)
		d.Append(logs.Record{Device: key, At: d.now(), Error: &runtime.ScriptError{Name: "E", Message: text}})
		settle(t, d)
		c.at = c.at.Add(7 * time.Hour)
	}
	say(d, key, d.now(), "third")
	settle(t, d)
	wantMessages(t, read(t, d, all).Rows, "first", "E: first", "second", "E: second", "third")

	c.at = time.UnixMilli(1_000_000_000).Add(7*24*time.Hour + time.Minute)
	if err := d.Retain(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, read(t, d, all).Rows, "second", "E: second", "third")
	if _, err := os.Stat(filepath.Join(dir, "logs", "1.db")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the retired file is still there: %v", err)
	}

	c.at = c.at.Add(30 * 24 * time.Hour)
	if err := d.Retain(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, read(t, d, all).Rows, "third") // of the file that is written
}

func TestRetentionByTotalUnlinksTheOldest(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{LogFileSize: 1, LogTotal: 1})
	key := addDevice(t, d, project(t, d).ID, "d")
	for _, text := range []string{"a", "b", "c"} {
		say(d, key, d.now(), text)
		settle(t, d)
	}
	if err := d.Retain(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10}).Rows, "c")
}

func TestFilesLeftByAnInterruptedRemovalGoAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{LogFileSize: 1})
	key := addDevice(t, d, project(t, d).ID, "d")
	for _, text := range []string{"a", "b", "c"} {
		say(d, key, d.now(), text)
		settle(t, d)
	}
	files := d.files.snapshot()
	if err := d.files.forget(context.Background(), files[0]); err != nil { // and dies before it unlinks
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[1].path); err != nil { // an operator tidied up
		t.Fatal(err)
	}
	d = open(t, dir, Options{})
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10}).Rows, "c")
	if _, err := os.Stat(files[0].path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("an unregistered file is still there: %v", err)
	}
}
