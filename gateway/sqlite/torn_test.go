package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// last is the number that a device's key "last" holds.
func last(t testing.TB, d *DB, key device.Key) (n int) {
	t.Helper()
	state, _, err := d.Load(context.Background(), key, d.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range state.KV {
		if kv.Key == "last" {
			fmt.Sscan(string(kv.Value), &n)
		}
	}
	return n
}

// copyDir copies the files of a data directory but the lock.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestALogCutAnywhereOpensWithTheLastWholeCommit cuts the write-ahead log at
// every frame boundary and inside every frame, as a power cut would.
func TestALogCutAnywhereOpensWithTheLastWholeCommit(t *testing.T) {
	t.Parallel()
	const commits = 8
	dir := t.TempDir()
	d := open(t, dir, Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, Options{})
	o := mustOwn(t, d, key)
	for n := 1; n <= commits; n++ {
		kv := put("last", fmt.Sprint(n))
		if n%3 == 0 { // some of several frames
			kv = append(kv, put(fmt.Sprint("big", n), `"`+strings.Repeat("x", 9000)+`"`)...)
		}
		if err := o.commit(dispatch.Change{KV: kv}); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, mainName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	snapshot := copyDir(t, dir)

	frame := 24 + int(binary.BigEndian.Uint32(log[8:]))
	kept, cuts := 0, 0
	for end := 32; end <= len(log); end += frame {
		for _, size := range []int{end, end + frame/2} {
			if size > len(log) {
				continue
			}
			cuts++
			torn := copyDir(t, snapshot)
			if err := os.WriteFile(filepath.Join(torn, mainName+"-wal"), log[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(torn, mainName+"-shm")); err != nil {
				t.Fatal(err)
			}
			again := open(t, torn, Options{})
			if got := last(t, again, key); got != kept {
				t.Fatalf("cut at %d of %d: the last commit is %d, want %d", size, len(log), got, kept)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if end+frame <= len(log) && binary.BigEndian.Uint32(log[end+4:]) != 0 {
			kept++ // the next frame ends a commit
		}
	}
	if kept != commits || cuts < 2*commits {
		t.Fatalf("%d commits in %d cuts: the log was not taken apart", kept, cuts)
	}
}
