package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// maxOpenLogs bounds how many log files stay open for reading.
const maxOpenLogs = 8

// logFiles is the row of log files, oldest first. The main file's log_files
// table is the truth; this is its copy.
type logFiles struct {
	dir string
	db  *DB

	mu     sync.Mutex
	list   []*logFile
	hot    []*logFile       // open for reading, most recent last
	totals map[string]int64 // bytes of lines by project, of all files; nil until counted
}

// openLogFiles reads the register, unlinks files that it does not know and
// forgets those that are not there.
func openLogFiles(ctx context.Context, d *DB, dir string) (*logFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	l := &logFiles{dir: dir, db: d}
	err := d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			l.list = append(l.list, &logFile{number: r.int(0), path: logPath(dir, r.int(0)), openedAt: r.int(1), after: r.int(2),
				cut: r[3] != nil, last: r.int(3), lastTime: r.int(4)})
			return nil
		}, `SELECT number, opened_at, after_id, last_id, last_time FROM log_files ORDER BY number`)
	})
	if err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	for _, f := range slices.Clone(l.list) {
		if _, err := os.Stat(f.path); errors.Is(err, os.ErrNotExist) {
			if err := l.forget(ctx, f); err != nil {
				return nil, fmt.Errorf("open logs: %w", err)
			}
		}
	}
	return l, l.sweep()
}

// sweep unlinks log files that are not registered: their removal was cut short.
func (l *logFiles) sweep() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("open logs: %w", err)
	}
	known := map[int64]bool{}
	for _, f := range l.list {
		known[f.number] = true
	}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".db")
		number, err := strconv.ParseInt(stem, 10, 64)
		if ok && err == nil && !known[number] {
			if err := removeLog(filepath.Join(l.dir, e.Name())); err != nil {
				return fmt.Errorf("open logs: %w", err)
			}
		}
	}
	return nil
}

// snapshot is the row of files as it is now.
func (l *logFiles) snapshot() []*logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// bounds are what is known of a file that was cut; cut is false for the one that
// is written.
func (l *logFiles) bounds(f *logFile) (last, lastTime int64, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return f.last, f.lastTime, f.cut
}

// register makes a new file: first its line in the register, then the file, and
// only then can readers find it. The handle is for its writer.
func (l *logFiles) register(ctx context.Context) (*logFile, *conn, error) {
	f := &logFile{openedAt: l.db.now(), after: l.db.sequence.watermark()}
	err := l.db.writer.guard(ctx, func(c *conn) error {
		added, err := c.exec(`INSERT INTO log_files (opened_at, after_id) VALUES (?, ?)`, f.openedAt, f.after)
		if err != nil {
			return err
		}
		f.number, err = added.LastInsertId()
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	f.path = logPath(l.dir, f.number)
	c, err := dialLog(f.path)
	if err != nil {
		return nil, nil, errors.Join(err, l.forget(ctx, f))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, f)
	return f, c, nil
}

// cut records that a file has its last row.
func (l *logFiles) cut(ctx context.Context, f *logFile, last, lastTime int64) error {
	err := l.db.writer.guard(ctx, func(c *conn) error {
		_, err := c.exec(`UPDATE log_files SET last_id = ?, last_time = ? WHERE number = ?`, last, lastTime, f.number)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.cut, f.last, f.lastTime = true, last, lastTime
	return nil
}

// forget takes a file out of the register; nobody finds it afterwards.
func (l *logFiles) forget(ctx context.Context, f *logFile) error {
	err := l.db.writer.guard(ctx, func(c *conn) error {
		_, err := c.exec(`DELETE FROM log_files WHERE number = ?`, f.number)
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	same := func(x *logFile) bool { return x == f }
	l.list = slices.DeleteFunc(l.list, same)
	l.hot = slices.DeleteFunc(l.hot, same)
	for project, bytes := range f.usage {
		l.totals[project] -= bytes
	}
	f.usage = nil
	return nil
}

// read lends a file's reading handle and closes that of the file that was not
// read for longest.
func (l *logFiles) read(f *logFile, use func(*conn) error) error {
	if err := f.lend(use); err != nil {
		if err = classify(err); errors.Is(err, ErrDamaged) { // of one log file, not of the database
			err = fmt.Errorf("%w: %w", dispatch.ErrUnavailable, err)
		}
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	l.mu.Lock()
	l.hot = append(slices.DeleteFunc(l.hot, func(x *logFile) bool { return x == f }), f)
	var cold *logFile
	if len(l.hot) > maxOpenLogs {
		cold, l.hot = l.hot[0], l.hot[1:]
	}
	l.mu.Unlock()
	if cold == nil {
		return nil
	}
	return cold.rest()
}

// close ends all reading.
func (l *logFiles) close() error {
	var errs []error
	for _, f := range l.snapshot() {
		errs = append(errs, f.retire())
	}
	return errors.Join(errs...)
}
