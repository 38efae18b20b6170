package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrLocked says that another process serves the data directory. PID is 0 when
// it could not be read.
type ErrLocked struct {
	Dir string
	PID int
}

func (e *ErrLocked) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("data directory %s is in use by process %d", e.Dir, e.PID)
}

// lock holds a data directory for this process. The operating system drops it
// when the process ends, however it ends; the file stays.
type lock struct{ file *os.File }

// A lock that is busy is tried again for a moment: somebody may only be looking.
const (
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	file, busy, err := openExclusive(path)
	for range lockTries {
		if !busy {
			break
		}
		time.Sleep(lockPause)
		file, busy, err = openExclusive(path)
	}
	if busy {
		return nil, &ErrLocked{Dir: dir, PID: lockedBy(path)}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := file.Truncate(0); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &lock{file: file}, nil
}

// lockedBy reads which process holds a lock, 0 where it cannot be read.
func lockedBy(path string) int {
	text, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// holder is the process that has a directory, 0 for none.
func holder(dir string) int {
	path := filepath.Join(dir, "lock")
	if _, err := os.Stat(path); err != nil {
		return 0
	}
	file, busy, err := openExclusive(path)
	if busy {
		return lockedBy(path)
	}
	if err == nil {
		file.Close()
	}
	return 0
}

func (l *lock) release() error { return l.file.Close() }
