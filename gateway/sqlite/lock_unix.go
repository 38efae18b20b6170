//go:build unix

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// openExclusive opens the lock file and locks it; busy says that someone else
// holds it.
func openExclusive(path string) (file *os.File, busy bool, err error) {
	file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, errors.Is(err, syscall.EWOULDBLOCK), err
	}
	return file, false, nil
}
