//go:build unix

package torture

import "syscall"

// suspend stops a worker in its tracks.
func suspend(pid int) bool { return isWorker(pid) && syscall.Kill(pid, syscall.SIGSTOP) == nil }

// proceed lets a stopped worker go on.
func proceed(pid int) {
	if isWorker(pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT) // it may be gone
	}
}
