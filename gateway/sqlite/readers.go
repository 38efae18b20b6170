package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
)

// maxReaders bounds how many reads run at once; more wait.
const maxReaders = 4

// readers are handles that only read the main file. They see everything that was
// committed before the read began.
type readers struct {
	path   string
	health *health
	slots  chan *conn // a nil handle is a slot that is not open

	mu     sync.Mutex
	closed bool
}

func newReaders(path string, health *health) *readers {
	r := &readers{path: path, health: health, slots: make(chan *conn, maxReaders)}
	for range maxReaders {
		r.slots <- nil
	}
	return r
}

// do lends a handle to f.
func (r *readers) do(ctx context.Context, f func(*conn) error) error {
	var c *conn
	select {
	case c = <-r.slots:
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := r.use(c, f)
	r.slots <- c
	return err
}

func (r *readers) use(c *conn, f func(*conn) error) (*conn, error) {
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return c, ErrClosed
	}
	if c == nil {
		var err error
		if c, err = dial(r.path, "busy_timeout=1000", "query_only=ON", "cell_size_check=ON", "cache_size=-4096"); err != nil {
			return nil, r.judge(err)
		}
	}
	err := f(c)
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		_ = c.close() // says the same again
		return nil, r.judge(err)
	}
	return c, err
}

// judge names an error of the file and tells of damage.
func (r *readers) judge(err error) error {
	if err = classify(err); errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("read %s: %w", r.path, err)
		r.health.damage(err)
	}
	return err
}

// snapshot lends a handle to f whose reads all see the same commit.
func (r *readers) snapshot(ctx context.Context, f func(*conn) error) error {
	return r.do(ctx, func(c *conn) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		err := f(c)
		if _, end := c.exec("COMMIT"); err == nil {
			err = end
		}
		return err
	})
}

// close waits for the reads that run.
func (r *readers) close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	var errs []error
	for range maxReaders {
		if c := <-r.slots; c != nil {
			errs = append(errs, c.close())
		}
	}
	for range maxReaders {
		r.slots <- nil
	}
	return errors.Join(errs...)
}
