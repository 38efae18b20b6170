package sqlite

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
)

func archiveOf(t *testing.T, dir string) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	if _, err := Backup(context.Background(), dir, &out, t.TempDir(), "test"); err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestABackupUnderLoadIsWholeAndHasAllThatWasAcknowledged takes backups while
// another process commits as fast as it can.
func TestABackupUnderLoadIsWholeAndHasAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	p := project(t, d)
	for i := range hammers {
		addDevice(t, d, p.ID, fmt.Sprintf("d%d", i))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "hammer", dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	lines := bufio.NewScanner(out)
	for n := 1; n <= 3; n++ {
		var acknowledged [hammers]int
		for range 500 * n {
			if !lines.Scan() {
				t.Fatal("the load ended")
			}
			var i, number int
			if _, err := fmt.Sscanf(lines.Text(), "%d %d", &i, &number); err != nil {
				t.Fatal(err)
			}
			acknowledged[i] = number
		}
		backup := archiveOf(t, dir)
		restored := filepath.Join(t.TempDir(), "again")
		if _, err := Restore(ctx, backup, restored); err != nil {
			t.Fatal(err)
		}
		if found, err := Inspect(ctx, restored, time.Now()); err != nil || integrity(found) {
			t.Errorf("backup %d: %v, %v", n, found.Findings, err)
		}
		again := open(t, restored, Options{})
		for i, least := range acknowledged {
			state, _, err := again.Load(ctx, device.Key{Project: p.ID, ID: fmt.Sprintf("d%d", i)}, again.Epoch())
			if err != nil {
				t.Fatal(err)
			}
			var last int
			if len(state.KV) == 1 {
				fmt.Sscan(string(state.KV[0].Value), &last)
			}
			if last < least || len(state.Seen) != last {
				t.Errorf("backup %d, d%d: acknowledged up to %d, stored up to %d with %d ids", n, i, least, last, len(state.Seen))
			}
		}
	}
}

func integrity(i Inspection) bool {
	for _, f := range i.Findings {
		if f.Code != "space" { // the machine's own affair
			return true
		}
	}
	return false
}

func TestARestoredDirectoryFencesOldOwnersAndGivesNoNumberAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	project, key := furnished(t, dir)
	if err := os.WriteFile(filepath.Join(dir, tokenName), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	backup := archiveOf(t, dir)

	send := func(d *DB) int64 {
		c := dispatch.Change{Outbox: []dispatch.OutboxChange{{Verb: dispatch.Add, Stored: dispatch.Stored{Body: []byte(`{}`), Expires: 1 << 50}}}}
		if err := mustOwn(t, d, key).commit(c); err != nil {
			t.Fatal(err)
		}
		return c.Outbox[0].Row
	}
	old := open(t, dir, Options{})
	oldEpoch, oldRow := old.Epoch(), send(old)
	oldCursor := read(t, old, logs.Query{Device: key, Limit: 10}).Cursor
	say(old, key, 5, "after the backup")
	settle(t, old)
	oldID := old.sequence.watermark()

	restored := filepath.Join(t.TempDir(), "deep", "again")
	m, err := Restore(ctx, backup, restored)
	if err != nil {
		t.Fatal(err)
	}
	if m.Schema != schema || m.Program != "test" || len(m.Files) != 3 {
		t.Errorf("manifest %+v", m)
	}
	if token, err := os.ReadFile(filepath.Join(restored, tokenName)); err != nil || string(token) != "secret\n" {
		t.Errorf("token %q, %v", token, err)
	}
	d := open(t, restored, Options{})
	if d.Epoch() <= oldEpoch {
		t.Errorf("epoch %d after %d", d.Epoch(), oldEpoch)
	}
	if _, _, err := d.Load(ctx, key, oldEpoch); !errors.Is(err, dispatch.ErrFenced) {
		t.Errorf("the old owner is not fenced: %v", err)
	}
	if err := use(d, project, key); err != nil {
		t.Error(err)
	}
	if row := send(d); row <= oldRow {
		t.Errorf("command %d comes after %d of the old server", row, oldRow)
	}
	say(d, key, 6, "after the restore")
	settle(t, d)
	if id := d.sequence.watermark(); id <= oldID {
		t.Errorf("log row %d comes after %d of the old server", id, oldID)
	}
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10, Cursor: oldCursor}).Rows, "after the restore")
}

// TestLinesOfDevicesNewerThanTheMainFileAreLeftOut takes the copies of the main
// file and of the log file with a new device in between.
func TestLinesOfDevicesNewerThanTheMainFileAreLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	project, key := furnished(t, dir)
	d := open(t, dir, Options{})
	var out bytes.Buffer
	b := backup{archive: archive{tar: tar.NewWriter(&out)}, dir: dir, copy: filepath.Join(t.TempDir(), "copy.db")}
	b.manifest.Format = archiveFormat
	if err := b.main(); err != nil {
		t.Fatal(err)
	}
	say(d, addDevice(t, d, project, "newer"), 7, "of the newer one")
	say(d, key, 7, "of the old one")
	settle(t, d)
	for _, l := range b.logs {
		if err := b.log(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.finish(); err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	if _, err := Restore(context.Background(), &out, restored); err != nil {
		t.Fatal(err)
	}
	again := open(t, restored, Options{})
	wantMessages(t, read(t, again, logs.Query{Device: key, Limit: 10}).Rows, "hello", "Error: too warm", "of the old one")
	var texts []string
	err := again.files.read(again.files.snapshot()[0], func(c *conn) error {
		return c.each(func(r row) error { texts = append(texts, r.text(0)); return nil }, `SELECT message FROM lines`)
	})
	if err != nil || strings.Contains(fmt.Sprint(texts), "newer") {
		t.Errorf("lines %q, %v", texts, err)
	}
}

func TestRestoreRefusesWhatIsInUseNotEmptyOrNotWhole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	furnished(t, dir)
	good := archiveOf(t, dir).Bytes()

	inUse := t.TempDir()
	open(t, inUse, Options{})
	if _, err := Restore(ctx, bytes.NewReader(good), inUse); !errors.As(err, new(*ErrLocked)) {
		t.Errorf("into a directory in use: %v", err)
	}
	if _, err := Restore(ctx, bytes.NewReader(good), dir); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into one that holds something: %v", err)
	}
	flipped := bytes.Clone(good)
	flipped[5000] ^= 0xff
	for name, text := range map[string][]byte{
		"no archive":   []byte(strings.Repeat("hello ", 500)),
		"nothing":      nil,
		"cut short":    good[:len(good)/2],
		"no manifest":  good[:bytes.Index(good, []byte(manifestName))],
		"flipped byte": flipped,
		"foreign file": foreignTar(t, "../../etc/passwd"),
		"foreign path": foreignTar(t, "logs/../tendril.db"),
	} {
		to := filepath.Join(t.TempDir(), "to")
		if _, err := Restore(ctx, bytes.NewReader(text), to); err == nil {
			t.Errorf("%s was restored", name)
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s left %s behind: %v", name, to, err)
		}
		there := t.TempDir()
		if _, err := Restore(ctx, bytes.NewReader(text), there); err == nil {
			t.Errorf("%s was restored", name)
		}
		if entries, err := os.ReadDir(there); err != nil || len(entries) > 1 {
			t.Errorf("%s left %v behind: %v", name, entries, err)
		}
	}
	if _, err := Restore(ctx, bytes.NewReader(good), filepath.Join(t.TempDir(), "to")); err != nil {
		t.Errorf("the whole archive: %v", err)
	}
}

func foreignTar(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "hi"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestARestoreThatWasCutShortIsNotServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	furnished(t, dir)
	if err := os.WriteFile(filepath.Join(dir, restoring), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(context.Background(), dir, Options{})
	if err == nil {
		d.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("opened: %v", err)
	}
	if _, err := Backup(context.Background(), dir, io.Discard, t.TempDir(), ""); err == nil {
		t.Error("backed up")
	}
}
