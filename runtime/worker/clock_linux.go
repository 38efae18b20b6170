package worker

import (
	"time"

	"golang.org/x/sys/unix"
)

// hasClock says that a thread's CPU time can be read by another thread.
const hasClock = true

// thread names the calling thread.
func thread() int { return unix.Gettid() }

// cpuOf is the CPU time a thread of this process has used, or 0 once it is gone.
// The clock's id is built as the kernel does it: the inverted thread id, a bit
// for "per thread", and 2 for scheduler time.
func cpuOf(thread int) time.Duration {
	id := int32(^uint32(thread)<<3 | 4 | 2)
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// ownCPU is cpuOf for the calling thread.
func ownCPU() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
