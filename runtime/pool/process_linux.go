package pool

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childAttributes has the kernel end a child with the thread that started it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// closeOnExec keeps descriptors that this process inherited itself from its
// children. Those it opened are closed already.
func closeOnExec() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // an old kernel has none
}

// threadTimes are the CPU times of a process's threads, or nil where the system
// does not tell.
func threadTimes(pid int) map[int]time.Duration {
	dir := "/proc/" + strconv.Itoa(pid) + "/task/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	times := make(map[int]time.Duration, len(entries))
	for _, e := range entries {
		text, err := os.ReadFile(dir + e.Name() + "/schedstat")
		if err != nil {
			continue
		}
		first, _, _ := bytes.Cut(text, []byte{' '})
		ns, err := strconv.ParseInt(string(first), 10, 64)
		thread, terr := strconv.Atoi(e.Name())
		if err == nil && terr == nil {
			times[thread] = time.Duration(ns)
		}
	}
	if len(times) == 0 {
		return nil
	}
	return times
}
