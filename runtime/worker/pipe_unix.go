//go:build unix

package worker

import (
	"io"
	"os"
	"syscall"
)

// pollable makes waiting for an inherited pipe a matter of the scheduler instead
// of a thread. This end of the pipe is the worker's alone.
func pollable(r io.Reader) io.Reader {
	f, ok := r.(*os.File)
	if !ok {
		return r
	}
	fd := f.Fd()
	if syscall.SetNonblock(int(fd), true) != nil {
		return r
	}
	return os.NewFile(fd, f.Name())
}
