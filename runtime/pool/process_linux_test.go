package pool

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// exists says whether a process runs.
func exists(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return len(rest) > 0 && rest[0] != 'Z'
}

// parent is a process with a pool; it says which children it has.
func parent() int {
	p, err := New(Config{Workers: 2})
	if err != nil {
		return 1
	}
	for len(p.pids()) < 3 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(p.pids())
	time.Sleep(time.Minute)
	return 0
}

func TestChildrenDieWithAKilledParent(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pids [3]int
	if _, err := fmt.Sscanf(text, "[%d %d %d]", &pids[0], &pids[1], &pids[2]); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, pid := range pids {
		for deadline := time.Now().Add(5 * time.Second); exists(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d outlives its parent", pid)
			}
		}
	}
}

func TestChildHasNoEnvironmentAndInheritsNoDescriptors(t *testing.T) {
	t.Parallel()
	planted := t.TempDir() // opened as a careless parent of the server would have it
	fd, err := syscall.Open(planted, syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	p := newPool(t, Config{Workers: 1})
	for _, pid := range p.pids() {
		dir := "/proc/" + strconv.Itoa(pid)
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || len(env) > 0 {
			t.Errorf("environment %q, %v", env, err)
		}
		fds, err := os.ReadDir(dir + "/fd")
		if err != nil || len(fds) < 3 {
			t.Fatal(fds, err)
		}
		for _, fd := range fds {
			if target, _ := os.Readlink(dir + "/fd/" + fd.Name()); target == planted {
				t.Errorf("descriptor %s is inherited", fd.Name())
			}
		}
	}
}
