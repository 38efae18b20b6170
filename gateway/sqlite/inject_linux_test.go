package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAnErrorOfTheDeviceAtAnyWriteOrSyncFailsThatCommitOnly lets the system
// answer a chosen write or sync of the write-ahead log with EIO.
func TestAnErrorOfTheDeviceAtAnyWriteOrSyncFailsThatCommitOnly(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	if out, err := exec.Command(strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace cannot trace here: %s", out)
	}
	for _, call := range []string{"pwrite64", "fsync,fdatasync"} {
		for _, when := range []string{"3", "8", "17", "31", "5+7"} {
			t.Run(call+" "+when, func(t *testing.T) {
				t.Parallel()
				injected(t, strace, call, when)
			})
		}
	}
}

// injected runs a counter whose calls fail, and holds what it said and did
// against the promises.
func injected(t *testing.T, strace, call, when string) {
	dir := t.TempDir()
	d := open(t, dir, Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	record, log := filepath.Join(t.TempDir(), "strace"), filepath.Join(dir, mainName+"-wal")
	// The log is there before: strace finds files by their path at the start.
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(strace, "-f", "-o", record, "-P", log, "-e", "trace=openat,open,close,pwrite64,fsync,fdatasync",
		"-e", "inject="+call+":error=EIO:when="+when, os.Args[0], "counter", dir)
	child.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	trace, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	faults := strings.Count(string(trace), "(INJECTED)")
	if faults == 0 {
		t.Fatalf("nothing was injected\n%s", trace)
	}
	failed := strings.Count(string(out), "commit failed")
	if failed == 0 || failed > faults {
		t.Errorf("%d faults failed %d commits\n%s", faults, failed, out)
	}
	if strings.Contains(string(out), "reopened 0\n") {
		t.Error("the file was not opened again")
	}
	noSyncTwice(t, string(trace))
	d = open(t, dir, Options{})
	if got := last(t, d, key); got != counted {
		t.Errorf("%d of %d are stored", got, counted)
	}
}

// noSyncTwice checks that no descriptor is synced again after a sync of it has
// failed: it is closed first.
func noSyncTwice(t *testing.T, trace string) {
	t.Helper()
	calls := regexp.MustCompile(`(fsync|fdatasync|close)\((\d+)(?:<[^>]*>)?\)`)
	broken := map[string]string{}
	for line := range strings.Lines(trace) {
		m := calls.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		call, fd := m[1], m[2]
		switch {
		case call == "close":
			delete(broken, fd)
		case broken[fd] != "":
			t.Errorf("a failed sync was tried again:\n%s%s", broken[fd], line)
		case strings.Contains(line, "(INJECTED)"):
			broken[fd] = line
		}
	}
	if len(broken) > 0 {
		t.Errorf("still open after a failed sync: %s", fmt.Sprint(broken))
	}
}
