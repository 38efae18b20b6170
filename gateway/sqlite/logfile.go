package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// logFile is one file of log lines as the main file has registered it.
type logFile struct {
	number   int64
	path     string
	openedAt int64
	after    int64 // every row's id is above it

	// set when the file is cut, guarded by logFiles.mu
	cut      bool
	last     int64 // no row's id is above it
	lastTime int64 // no row's time is above it

	mu   sync.Mutex
	read *conn // nil until needed
	gone bool  // retired
}

// logSchema is the whole schema of a log file. Its user_version is 1.
const logSchema = `
CREATE TABLE IF NOT EXISTS lines (
  id       INTEGER PRIMARY KEY,
  device   INTEGER NOT NULL,
  time     INTEGER NOT NULL,
  level    INTEGER NOT NULL, -- rank: debug 0, info 1, warn 2, error 3
  message  TEXT NOT NULL,
  fields   BLOB,
  script   TEXT NOT NULL,
  version  INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  kind     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS lines_device ON lines (device);
CREATE INDEX IF NOT EXISTS lines_loud ON lines (device) WHERE level >= 2;
`

// dialLog opens a log file for writing, making it when it is not there.
func dialLog(path string) (*conn, error) {
	c, err := dial(path, "busy_timeout=1000", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-4096",
		"journal_size_limit=16777216", fmt.Sprintf("application_id=%d", applicationID), "user_version=1")
	if err != nil {
		return nil, err
	}
	if err := c.script(logSchema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), c.close())
	}
	return c, nil
}

// insertLines adds the lines of one event under consecutive ids.
func insertLines(c *conn, device int64, rec *logs.Record, first int64) error {
	for i := range rec.Lines {
		l := &rec.Lines[i]
		_, err := c.exec(`INSERT INTO lines (id, device, time, level, message, fields, script, version, event_id, kind)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			first+int64(i), device, l.Time, rank(l.Level), l.Message, l.Fields, rec.Script, rec.Version, rec.EventID, string(rec.Kind))
		if err != nil {
			return err
		}
	}
	return nil
}

// rank stores a word that is no level as info.
func rank(l runtime.Level) int {
	if r := l.Rank(); r >= 0 {
		return r
	}
	return runtime.Info.Rank()
}

// size is what the file takes on the disk.
func (f *logFile) size() int64 {
	var n int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(f.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n
}

// lend lends the reading handle; a file that retention has taken is skipped.
func (f *logFile) lend(use func(*conn) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil
	}
	if f.read == nil {
		c, err := dial(f.path, "busy_timeout=1000", "query_only=ON", "cache_size=-512")
		if err != nil {
			return err
		}
		f.read = c
	}
	return use(f.read)
}

// rest closes the reading handle until it is needed again.
func (f *logFile) rest() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read == nil {
		return nil
	}
	c := f.read
	f.read = nil
	return c.close()
}

// retire ends reading for good.
func (f *logFile) retire() error {
	f.mu.Lock()
	f.gone = true
	f.mu.Unlock()
	return f.rest()
}

func removeLog(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func logPath(dir string, number int64) string {
	return filepath.Join(dir, fmt.Sprintf("%d.db", number))
}
