package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/versions"
)

// furnished makes a data directory with something in every table and closes it.
func furnished(t testing.TB, dir string) (project string, key device.Key) {
	t.Helper()
	ctx := context.Background()
	at := int64(1_700_000_000_000)
	d := open(t, dir, Options{})
	p, err := d.CreateProject(ctx, "default", "plant")
	if err != nil {
		t.Fatal(err)
	}
	first := upload("thermostat", "1")
	first.Files[2].Data = []byte("source 1")
	insert(t, d, p.ID, first)
	deploy(t, d, flip(versions.Deploy, p.ID, "thermostat", 1))
	key = addDevice(t, d, p.ID, "porch")
	d.Online(key, at)
	d.Metadata(key, []byte(`{"name":"Porch"}`))
	o := mustOwn(t, d, key)
	err = o.commit(dispatch.Change{
		KV:   put("last", "21"),
		Seen: []dispatch.Seen{{ID: "m-1", Status: "ok", At: at}},
		Outbox: []dispatch.OutboxChange{
			{Verb: dispatch.Add, Stored: dispatch.Stored{Body: []byte(`{"type":"fan","on":true}`), Expires: at + 1e12}},
		},
		Log: &logs.Record{
			Device: key, Script: "thermostat", Version: 1, EventID: "m-1", Kind: runtime.Message, At: at, Outcome: true,
			Error: &runtime.ScriptError{Name: "Error", Message: "too warm"},
			Lines: []runtime.Line{line(runtime.Info, at, "hello")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return p.ID, key
}

// flipByte changes every bit of one byte of a file.
func flipByte(t testing.TB, path string, at int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[at] ^= 0xff
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// use reads and writes all that a running server would, and returns the first
// error.
func use(d *DB, project string, key device.Key) error {
	ctx := context.Background()
	state, _, err := d.Load(ctx, key, d.Epoch())
	if err != nil {
		return err
	}
	if len(state.KV) != 1 || string(state.KV[0].Value) != "21" || len(state.Outbox) != 1 || len(state.Seen) != 1 {
		return fmt.Errorf("%w: state %+v", errWrong, state)
	}
	if _, b, _, err := d.Live(ctx, project, "thermostat"); err != nil {
		return err
	} else if string(b.Code) != "bundle 1" {
		return fmt.Errorf("%w: bundle %q", errWrong, b.Code)
	}
	page, err := d.Logs(ctx, logs.Query{Device: key, Limit: 10})
	if err != nil {
		return err
	}
	if len(page.Rows) != 2 {
		return fmt.Errorf("%w: %d log rows", errWrong, len(page.Rows))
	}
	o, err := own(d, key)
	if err != nil {
		return err
	}
	return o.commit(dispatch.Change{KV: put("new", "1"), Seen: []dispatch.Seen{{ID: "m-2", Status: "ok", At: 1}}})
}

var errWrong = errors.New("wrong content")

// TestAFlippedByteInTheHeaderIsRefusedOrHarmless flips every byte of the main
// file's header. What does not refuse must serve the right content.
func TestAFlippedByteInTheHeaderIsRefusedOrHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	project, key := furnished(t, dir)
	refused := 0
	for at := range 100 {
		damaged := copyDir(t, dir)
		path := filepath.Join(damaged, mainName)
		flipByte(t, path, at)
		d, err := Open(context.Background(), damaged, Options{})
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), path) {
				t.Errorf("byte %d: the error does not name the file: %v", at, err)
			}
			continue
		}
		if err := use(d, project, key); errors.Is(err, errWrong) {
			t.Errorf("byte %d: %v", at, err)
		} else if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: not called damage: %v", at, err)
		}
		_ = d.Close() // may fail on a damaged file
	}
	if refused < 30 {
		t.Errorf("only %d flips were refused", refused)
	}
}

// TestAFlippedPageIsFoundAtOpenOrAtItsFirstUse flips the first byte of every
// page, which says what the page is.
func TestAFlippedPageIsFoundAtOpenOrAtItsFirstUse(t *testing.T) {
	t.Parallel()
	const pageSize = 4096
	dir := t.TempDir()
	project, key := furnished(t, dir)
	pages := int(sizeOf(filepath.Join(dir, mainName)) / pageSize)
	atOpen, atUse := 0, 0
	for n := 1; n < pages; n++ {
		damaged := copyDir(t, dir)
		path := filepath.Join(damaged, mainName)
		flipByte(t, path, n*pageSize)
		found, err := Inspect(context.Background(), damaged, time.Now())
		if err != nil || len(found.Findings) == 0 {
			t.Errorf("page %d: a full check finds %v, error %v", n+1, found.Findings, err)
		}
		d, err := Open(context.Background(), damaged, Options{})
		if err != nil {
			atOpen++
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("page %d: refused with %v", n+1, err)
			}
			continue
		}
		err = use(d, project, key)
		if errors.Is(err, ErrDamaged) {
			atUse++
			select {
			case <-d.Failed():
			default:
				t.Errorf("page %d: damage was found and nobody was told", n+1)
			}
		} else if err != nil {
			t.Errorf("page %d: %v", n+1, err)
		}
		_ = d.Close()
	}
	if atOpen < 10 || atUse < 2 {
		t.Errorf("of %d pages %d were found at open and %d at use", pages, atOpen, atUse)
	}
}

// damageIndex flips the first byte of an index of a log file, which only writing
// reads.
func damageIndex(t *testing.T, path string) {
	t.Helper()
	c, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.number(`SELECT rootpage FROM sqlite_schema WHERE name = 'lines_device'`)
	if err := errors.Join(err, c.close()); err != nil {
		t.Fatal(err)
	}
	flipByte(t, path, int(page-1)*4096)
}

func TestADamagedLogFileIsLeftAndTheServerGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, key := furnished(t, dir)
	damageIndex(t, logPath(filepath.Join(dir, "logs"), 1))
	d := open(t, dir, Options{})
	say(d, key, 2, "lost")
	settle(t, d)
	say(d, key, 3, "after")
	settle(t, d)
	files := d.files.snapshot()
	if len(files) < 2 {
		t.Fatalf("%d log files: the damaged one is still written", len(files))
	}
	if err := d.Writable(); err != nil {
		t.Errorf("a damaged log file stops writes: %v", err)
	}
	select {
	case err := <-d.Failed():
		t.Errorf("a damaged log file ends the database: %v", err)
	default:
	}
	if _, err := d.Logs(context.Background(), logs.Query{Device: key, Limit: 10}); err != nil && !errors.Is(err, dispatch.ErrUnavailable) {
		t.Errorf("reading beside a damaged file: %v", err)
	}
}

// TestAContentThatChangedOnTheDiskIsRefused flips a byte inside a stored bundle,
// which SQLite does not notice.
func TestAContentThatChangedOnTheDiskIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	project, _ := furnished(t, dir)
	path := filepath.Join(dir, mainName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for content, load := range map[string]func(d *DB) error{
		"bundle 1": func(d *DB) error { _, _, _, err := d.Live(context.Background(), project, "thermostat"); return err },
		"source 1": func(d *DB) error { _, err := d.Sources(context.Background(), project, "thermostat", 1); return err },
	} {
		at := strings.Index(string(text), content)
		if at < 0 {
			t.Fatalf("%q is not in the file", content)
		}
		damaged := copyDir(t, dir)
		flipByte(t, filepath.Join(damaged, mainName), at)
		d := open(t, damaged, Options{})
		if err := load(d); err == nil || !strings.Contains(err.Error(), "not what was stored") {
			t.Errorf("%q was given out: %v", content, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := Inspect(context.Background(), damaged, time.Now())
		if err != nil || len(found.Findings) != 1 || found.Findings[0].Code != "content" {
			t.Errorf("a full check finds %v, error %v", found.Findings, err)
		}
	}
}
