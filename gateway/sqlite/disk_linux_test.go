package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// brokenDisk makes the operating system refuse to let files grow, which SQLite
// takes for a broken disk, and repairs it.
func brokenDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	d, err := Open(context.Background(), dir, Options{})
	if err != nil {
		return err
	}
	p, err := d.Project(context.Background(), "default", "plant")
	if err != nil {
		return err
	}
	o, err := own(d, device.Key{Project: p.ID, ID: "d"})
	if err != nil {
		return err
	}
	if err := o.commit(dispatch.Change{KV: put("before", "1")}); err != nil {
		return err
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1, Max: old.Max}); err != nil {
		return err
	}
	for range 3 {
		if err := o.commit(dispatch.Change{KV: put("during", strings.Repeat("1", 50_000))}); err == nil {
			return errors.New("a commit to a broken disk was acknowledged")
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := o.commit(dispatch.Change{KV: put("stale", "1")}); !errors.Is(err, dispatch.ErrConflict) {
		return fmt.Errorf("after the disk broke the old revision gives %v", err)
	}
	if o, err = own(d, o.key); err != nil {
		return err
	}
	if err := o.commit(dispatch.Change{KV: put("after", "1")}); err != nil {
		return err
	}
	return d.Close()
}

func TestABrokenDiskAcknowledgesNothingAndIsReopened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(os.Args[0], "broken-disk", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d = open(t, dir, Options{})
	state, _, err := d.Load(context.Background(), key, d.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, kv := range state.KV {
		keys = append(keys, kv.Key)
	}
	if fmt.Sprint(keys) != "[after before]" {
		t.Fatalf("keys %v", keys)
	}
}
