package sqlite

import (
	"bufio"
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

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// locker is a program that does not know our rules: it holds the main file for
// writing until its input ends.
func locker(dir string) error {
	c, err := dial(filepath.Join(dir, mainName), "busy_timeout=5000")
	if err != nil {
		return err
	}
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, c.close())
}

// lockedElsewhere runs a locker on a directory; release ends it.
func lockedElsewhere(t *testing.T, dir string) (release func()) {
	t.Helper()
	child := exec.Command(os.Args[0], "locker", dir)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if text, err := bufio.NewReader(out).ReadString('\n'); text != "locked\n" {
		t.Fatalf("the other program said %q, %v", text, err)
	}
	return func() {
		_ = in.Close()
		if err := child.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALockOfAForeignProcessDelaysWritesAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	if err := o.commit(dispatch.Change{KV: put("last", "1")}); err != nil {
		t.Fatal(err)
	}
	release := lockedElsewhere(t, dir)
	if err := o.commit(dispatch.Change{KV: put("last", "2")}); !errors.Is(err, dispatch.ErrUnavailable) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a commit against the lock: %v", err)
	}
	if d.Writable() == nil {
		t.Error("the database calls itself writable")
	}
	if got := last(t, d, o.key); got != 1 {
		t.Errorf("reads give %d while it is locked", got)
	}
	release()
	freed := time.Now()
	for d.Writable() != nil {
		if time.Since(freed) > 5*time.Second {
			t.Fatal("writes do not come back")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if d.Stats().Reopened != 0 {
		t.Error("a lock made the file be opened again")
	}
	o = mustOwn(t, d, o.key)
	if err := o.commit(dispatch.Change{KV: put("last", "3")}); err != nil {
		t.Fatalf("after the lock: %v", err)
	}
}

func TestAFileLockedByAForeignProcessIsRefusedAtOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	release := lockedElsewhere(t, dir)
	defer release()
	d, err := Open(context.Background(), dir, Options{})
	if err == nil {
		d.Close()
	}
	if !errors.Is(err, dispatch.ErrUnavailable) || !strings.Contains(err.Error(), "another program has locked") {
		t.Fatalf("error %v", err)
	}
}
