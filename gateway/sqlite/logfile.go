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

	// bytes of lines by project, as far as counted; guarded by logFiles.mu
	usage map[string]int64

	mu   sync.Mutex
	read *conn // nil until needed
	gone bool  // retired
}

// logVersion is the user_version of the log files that are made.
const logVersion = 1

// logSchema is the whole schema of a log file.
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

-- Bytes of the lines of each project in this file.
CREATE TABLE IF NOT EXISTS usage (
  project TEXT PRIMARY KEY,
  bytes   INTEGER NOT NULL
) WITHOUT ROWID;
`

// dialLog opens a log file for writing, making it when it is not there. One of a
// newer schema is refused.
func dialLog(path string) (*conn, error) {
	c, err := dial(path, "busy_timeout=1000", "journal_mode=WAL", "synchronous=NORMAL", "cell_size_check=ON", "cache_size=-4096",
		"journal_size_limit=16777216")
	if err != nil {
		return nil, classify(err)
	}
	if err := c.prepareLog(); err != nil {
		return nil, errors.Join(refusal(path, err), c.close())
	}
	return c, nil
}

func (c *conn) prepareLog() error {
	_, err := c.schema(logVersion)
	if errors.Is(err, errForeign) {
		tables, empty := c.number("SELECT count(*) FROM sqlite_schema")
		if empty != nil || tables > 0 {
			return errors.Join(err, empty)
		}
		err = c.script(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, logVersion))
	}
	if err != nil {
		return err
	}
	return c.script(logSchema)
}

// insertLine adds a line of an event under an id.
func insertLine(c *conn, device int64, rec *logs.Record, l *runtime.Line, id int64) error {
	_, err := c.exec(`INSERT INTO lines (id, device, time, level, message, fields, script, version, event_id, kind)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, device, l.Time, rank(l.Level), l.Message, l.Fields, rec.Script, rec.Version, rec.EventID, string(rec.Kind))
	return err
}

// rank stores a word that is no level as info.
func rank(l runtime.Level) int {
	if r := l.Rank(); r >= 0 {
		return r
	}
	return runtime.Info.Rank()
}

// size is what the file takes on the disk.
func (f *logFile) size() int64 { return sizeOf(f.path) }

// sizeOf is what a database file and its write-ahead log take.
func sizeOf(path string) (n int64) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
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
