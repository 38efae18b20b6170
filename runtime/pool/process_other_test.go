//go:build !linux

package pool

import (
	"os"
	"syscall"
)

func exists(pid int) bool {
	proc, err := os.FindProcess(pid)
	return err == nil && proc.Signal(syscall.Signal(0)) == nil
}

func parent() int { return 1 }
