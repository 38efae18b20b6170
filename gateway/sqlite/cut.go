package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// ready makes sure that there is a file to write to: the newest one until it is
// cut, then a new one, registered before its first row.
func (w *lineWriter) ready() error {
	ctx := context.Background()
	w.db.files.tally()
	if w.file == nil {
		if err := w.resume(ctx); err != nil {
			return err
		}
	}
	if w.file != nil {
		due, err := w.due()
		if err != nil {
			return err
		}
		if due {
			if err := w.cut(ctx); err != nil {
				return err
			}
		}
	}
	if w.file == nil {
		f, c, err := w.db.files.register(ctx)
		if err != nil {
			return err
		}
		w.file, w.conn = f, c
	}
	return w.open()
}

// resume takes up the file that was written when the database was closed.
func (w *lineWriter) resume(ctx context.Context) error {
	for _, f := range w.db.files.snapshot() {
		if _, _, cut := w.db.files.bounds(f); cut {
			continue
		}
		if w.file != nil { // only the newest is written
			if err := w.cut(ctx); err != nil {
				return err
			}
		}
		w.file = f
		if err := w.open(); err != nil {
			return err
		}
	}
	return nil
}

func (w *lineWriter) open() (err error) {
	if w.conn != nil {
		return nil
	}
	if w.conn, err = dialLog(w.file.path); err != nil {
		return err
	}
	w.last, err = w.conn.number(`SELECT max(id) FROM lines`)
	return err
}

// due says whether the file has reached its size or age.
func (w *lineWriter) due() (bool, error) {
	if w.db.now()-w.file.openedAt >= w.db.opts.LogFileAge.Milliseconds() {
		return true, nil
	}
	if err := w.open(); err != nil {
		return false, err
	}
	pages, err := w.conn.number(`PRAGMA page_count`)
	if err != nil {
		return false, err
	}
	size, err := w.conn.number(`PRAGMA page_size`)
	return pages*size >= w.db.opts.LogFileSize, err
}

// cut ends the file: it is read and unlinked from now on, never written.
func (w *lineWriter) cut(ctx context.Context) error {
	if err := w.open(); err != nil {
		return err
	}
	newest, err := w.conn.number(`SELECT max(time) FROM lines`)
	if err != nil {
		return err
	}
	if err := w.db.files.cut(ctx, w.file, w.last, newest); err != nil {
		return fmt.Errorf("cut %s: %w", w.file.path, err)
	}
	_, err = w.conn.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	err = errors.Join(err, w.conn.close())
	w.file, w.conn, w.last = nil, nil, 0
	return err
}

// leave ends a file that turned out to be damaged: nothing more is written to
// it, what can be read of it is.
func (w *lineWriter) leave() error {
	newest := w.db.sequence.newest()
	if err := w.db.files.cut(context.Background(), w.file, newest, w.db.now()); err != nil {
		return fmt.Errorf("leave %s: %w", w.file.path, err)
	}
	w.file, w.last = nil, 0
	return nil
}

// newestLogID is the largest id of the main file and of all log files.
func (d *DB) newestLogID(ctx context.Context) (newest int64, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		newest, err = c.number(`SELECT max(coalesce((SELECT max(id) FROM outcomes), 0),
			coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'log_floor'), 0))`)
		return err
	})
	for _, f := range d.files.snapshot() {
		if err != nil {
			return 0, err
		}
		newest = max(newest, f.after, f.last)
		if f.cut {
			continue
		}
		var last int64
		last, err = lastLine(f.path)
		newest = max(newest, last)
	}
	return newest, err
}

// lastLine is the largest id of a file that may have been left half made.
func lastLine(path string) (last int64, err error) {
	c, err := dialLog(path)
	if err != nil {
		return 0, err
	}
	last, err = c.number(`SELECT max(id) FROM lines`)
	return last, errors.Join(err, c.close())
}
