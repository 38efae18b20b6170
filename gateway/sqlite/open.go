// Package sqlite is the database of one data directory: one main file and a row
// of log files. It implements the doors that dispatch, logs, auth, versions and
// the management API declare.
//
// It knows no socket, no HTTP and no script. Everything is written by one
// goroutine that commits whatever waits together; reads have their own handles.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// ErrClosed is returned by calls on a closed database.
var ErrClosed = errors.New("database is closed")

// Options of Open. A zero field means its default.
type Options struct {
	Now    func() time.Time // time.Now
	Logger *slog.Logger     // slog.Default()

	LogFileSize int64         // bytes at which a log file is cut: 64 MiB
	LogFileAge  time.Duration // age at which a log file is cut: 6 h
	LogAge      time.Duration // how long rows are kept: 7 days
	LogTotal    int64         // bytes that all log files may take: 10 GiB
	LogProject  int64         // bytes that the lines of one project may take: 1 GiB
	MaxSize     int64         // bytes of the main file beyond which writes find the disk full: no bound
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.LogFileSize == 0 {
		o.LogFileSize = 64 << 20
	}
	if o.LogFileAge == 0 {
		o.LogFileAge = 6 * time.Hour
	}
	if o.LogAge == 0 {
		o.LogAge = 7 * 24 * time.Hour
	}
	if o.LogTotal == 0 {
		o.LogTotal = 10 << 30
	}
	if o.LogProject == 0 {
		o.LogProject = 1 << 30
	}
	return o
}

// DB is an open data directory. Its methods may be called by any goroutine.
type DB struct {
	opts  Options
	lock  *lock
	store string // random id of this database, made with it
	epoch dispatch.Epoch

	writer   *writer
	health   *health
	readers  *readers
	claims   *claims
	presence *presence
	sequence *sequence
	lines    *lineWriter
	files    *logFiles

	stopKeeper context.CancelFunc
	keeper     sync.WaitGroup
	closing    sync.Once
	closeErr   error
}

// Open opens the data directory, making what does not exist. Only one process
// can have it open; the others get *ErrLocked. A file that is not ours, or that a
// newer version of the program has written, is refused.
func Open(ctx context.Context, dir string, opts Options) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	d := &DB{opts: opts.withDefaults(), lock: lock}
	if err := d.open(ctx, dir); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	d.keep()
	return d, nil
}

func (d *DB) open(ctx context.Context, dir string) error {
	if err := whole(dir); err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	path := filepath.Join(dir, mainName)
	if err := migrate(ctx, path); err != nil {
		return err
	}
	var err error
	d.claims = newClaims()
	if d.writer, err = newWriter(path, d.opts.MaxSize, d.claims, d.opts.Logger); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	d.health = d.writer.health
	d.readers = newReaders(path, d.health)
	if err := d.readers.do(ctx, examine); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := d.readMeta(ctx); err != nil {
		return err
	}
	d.presence = newPresence()
	if d.files, err = openLogFiles(ctx, d, filepath.Join(dir, "logs")); err != nil {
		return err
	}
	newest, err := d.newestLogID(ctx)
	if err != nil {
		return err
	}
	d.sequence = newSequence(newest)
	d.lines = newLineWriter(d)
	return nil
}

// readMeta reads what is constant while the database is open.
func (d *DB) readMeta(ctx context.Context) error {
	return d.readers.do(ctx, func(c *conn) error {
		epoch, err := c.number(`SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'epoch'`)
		if err != nil {
			return err
		}
		d.epoch = dispatch.Epoch(epoch)
		_, err = c.one(func(r row) { d.store = r.text(0) }, `SELECT value FROM meta WHERE name = 'store'`)
		return err
	})
}

// Epoch is the owner's epoch of this database. It is constant; restoring a
// backup raises it.
func (d *DB) Epoch() dispatch.Epoch { return d.epoch }

// Close writes what is still in memory, folds the write-ahead log into the main
// file and lets go of the directory. Calls that run concurrently end with their
// result or ErrClosed.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.stopKeeper()
		d.keeper.Wait()
		d.closeErr = errors.Join(d.flushPresence(), d.abandon())
	})
	return d.closeErr
}

// abandon closes whatever is open, in the order of who needs whom.
func (d *DB) abandon() error {
	var errs []error
	if d.lines != nil {
		errs = append(errs, d.lines.close())
	}
	if d.files != nil {
		errs = append(errs, d.files.close())
	}
	if d.readers != nil {
		errs = append(errs, d.readers.close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.close())
	}
	return errors.Join(append(errs, d.lock.release())...)
}

// now is the time in epoch milliseconds.
func (d *DB) now() int64 { return d.opts.Now().UnixMilli() }
