package pool

import "syscall"

// compileAttributes are those of every child, and a process group of its own: a
// terminal's Ctrl-C is the parent's to answer.
func compileAttributes() *syscall.SysProcAttr {
	attributes := childAttributes()
	attributes.Setpgid = true
	return attributes
}
