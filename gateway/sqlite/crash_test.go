package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

const hammers = 8

// hammer commits as fast as it can, for ever, and prints what was acknowledged:
// device and number.
func hammer(dir string) error {
	d, err := Open(context.Background(), dir, Options{})
	if err != nil {
		return err
	}
	p, err := d.Project(context.Background(), "default", "plant")
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i := range hammers {
		o, err := own(d, device.Key{Project: p.ID, ID: fmt.Sprintf("d%d", i)})
		if err != nil {
			return err
		}
		go func() {
			for n := 1; ; n++ {
				id := fmt.Sprintf("m-%d", n)
				err := o.commit(dispatch.Change{KV: put("last", fmt.Sprint(n)), Seen: []dispatch.Seen{{ID: id, Status: "ok", At: int64(n)}}})
				if err != nil {
					failed <- err
					return
				}
				os.Stdout.WriteString(fmt.Sprintf("%d %d\n", i, n))
			}
		}()
	}
	return <-failed
}

func TestEverythingAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
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
	var acknowledged [hammers]int
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == 500 {
			refusesToShare(t, dir, child.Process.Pid)
		}
		if n == 2000 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		var i, number int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &i, &number); err == nil { // the last line may be torn
			acknowledged[i] = max(acknowledged[i], number)
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}

	d = open(t, dir, Options{})
	for i, n := range acknowledged {
		state, _, err := d.Load(context.Background(), device.Key{Project: p.ID, ID: fmt.Sprintf("d%d", i)}, d.Epoch())
		if err != nil {
			t.Fatal(err)
		}
		var last int
		if len(state.KV) == 1 {
			fmt.Sscan(string(state.KV[0].Value), &last)
		}
		if last < n || len(state.Seen) != last {
			t.Errorf("d%d: acknowledged up to %d, stored up to %d with %d ids", i, n, last, len(state.Seen))
		}
	}
}

// refusesToShare checks that a directory that another process serves cannot be
// opened, and that the error names the process.
func refusesToShare(t *testing.T, dir string, pid int) {
	t.Helper()
	d, err := Open(context.Background(), dir, Options{})
	if err == nil {
		d.Close()
		t.Fatal("a directory in use was opened")
	}
	var locked *ErrLocked
	if !errors.As(err, &locked) || locked.PID != pid {
		t.Fatalf("error %v does not name process %d", err, pid)
	}
}
