//go:build !linux

package pool

import (
	"syscall"
	"time"
)

// childAttributes are none: a child ends with the pipe that it reads.
func childAttributes() *syscall.SysProcAttr { return nil }

// closeOnExec has nothing to do: only what is asked for is inherited.
func closeOnExec() {}

// threadTimes are not to be had.
func threadTimes(int) map[int]time.Duration { return nil }
