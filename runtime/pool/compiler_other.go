//go:build !linux

package pool

import "syscall"

func compileAttributes() *syscall.SysProcAttr { return childAttributes() }
