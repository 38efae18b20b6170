package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

const (
	// maxBatch bounds how many writes share a transaction.
	maxBatch = 512
	// maxQueue bounds how many writes wait; when it is full, callers wait.
	maxQueue = 1024
)

// write is one request to the writer.
type write struct {
	// apply runs inside the transaction; it may run again when the batch is
	// repeated, so it must set what it returns, never add to it.
	apply func(*conn) error
	// idle says that apply writes nothing and needs no transaction.
	idle bool
	// guarded says that apply may fail after it has written: it gets a savepoint.
	// What is not guarded checks first and writes then.
	guarded bool

	done chan error // takes one result
}

// writer owns the one handle that writes the main file. Its goroutine takes
// everything that waits, runs it in one transaction, commits and answers all: a
// lone write does not wait for company, many share one sync to the disk.
type writer struct {
	path   string
	conn   *conn // nil after a failed reopen
	claims *claims
	logger *slog.Logger
	queue  chan *write

	mu      sync.RWMutex // held for reading while sending to queue
	closed  bool
	stopped chan struct{}
}

func newWriter(path string, claims *claims, logger *slog.Logger) (*writer, error) {
	w := &writer{path: path, claims: claims, logger: logger,
		queue: make(chan *write, maxQueue), stopped: make(chan struct{})}
	if err := w.dial(); err != nil {
		return nil, err
	}
	go w.run() // until close
	return w, nil
}

func (w *writer) dial() (err error) {
	w.conn, err = dial(w.path, "busy_timeout=1000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
		"recursive_triggers=ON", "cache_size=-16384", "journal_size_limit=67108864", "wal_autocheckpoint=2000")
	return err
}

// do hands a write over and waits for its result. Ending ctx only takes a write
// back that was not handed over.
func (w *writer) do(ctx context.Context, x *write) error {
	x.done = make(chan error, 1)
	if err := w.send(ctx, x); err != nil {
		return err
	}
	return <-x.done
}

func (w *writer) send(ctx context.Context, x *write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return ErrClosed
	}
	select {
	case w.queue <- x:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// guard runs f in the writer's transaction, with a savepoint of its own.
func (w *writer) guard(ctx context.Context, f func(*conn) error) error {
	return w.do(ctx, &write{apply: f, guarded: true})
}

func (w *writer) run() {
	defer close(w.stopped)
	batch, results := make([]*write, 0, maxBatch), make([]error, maxBatch)
	for first := range w.queue {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < maxBatch; {
			select {
			case x, ok := <-w.queue:
				if more = ok; ok {
					batch = append(batch, x)
				}
			default:
				more = false
			}
		}
		w.commit(batch, results[:len(batch)])
		for i, x := range batch {
			x.done <- results[i]
			batch[i], results[i] = nil, nil
		}
	}
}

// close answers what is queued, then checkpoints and closes the handle.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.queue)
	<-w.stopped
	if w.conn == nil {
		return nil
	}
	_, err := w.conn.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, w.conn.close())
}

// commit runs a batch. A write that fails after it has written spoils the
// transaction, so the batch is run again with a savepoint for each.
func (w *writer) commit(batch []*write, results []error) {
	err := w.attempt(batch, results, false)
	if errors.Is(err, errSpoiled) {
		err = w.attempt(batch, results, true)
	}
	if err == nil {
		return
	}
	err = fmt.Errorf("write %s: %w", w.path, err)
	for i := range results {
		results[i] = err
	}
}

// errSpoiled says that a write without a savepoint failed half done.
var errSpoiled = errors.New("half a write")

// attempt runs a batch in one transaction. Its error means that nothing of the
// batch was kept.
func (w *writer) attempt(batch []*write, results []error, guardAll bool) (err error) {
	if w.conn == nil {
		if err := w.dial(); err != nil {
			return err
		}
	}
	w.claims.begin()
	begun := false
	defer func() {
		if err != nil {
			w.undo(err)
		}
	}()
	for i, x := range batch {
		if !x.idle && !begun {
			if _, err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
				return classify(err)
			}
			begun = true
		}
		if x.guarded || (guardAll && !x.idle) {
			results[i], err = w.inSavepoint(x)
		} else {
			results[i], err = w.plain(x)
		}
		if err != nil {
			return err
		}
	}
	if begun {
		if _, err := w.conn.exec("COMMIT"); err != nil {
			return classify(err)
		}
	}
	return nil
}

// plain runs a write. Its own refusal is result; err ends the batch.
func (w *writer) plain(x *write) (result, err error) {
	result = x.apply(w.conn)
	if e := (*sqlite.Error)(nil); errors.As(result, &e) {
		if broken(e) {
			return nil, classify(result)
		}
		return nil, errSpoiled
	}
	return result, nil
}

func (w *writer) inSavepoint(x *write) (result, err error) {
	if _, err := w.conn.exec("SAVEPOINT one"); err != nil {
		return nil, classify(err)
	}
	mark := w.claims.mark()
	result = x.apply(w.conn)
	if e := (*sqlite.Error)(nil); errors.As(result, &e) && broken(e) {
		return nil, classify(result)
	}
	if result != nil {
		w.claims.revert(mark)
		if _, err := w.conn.exec("ROLLBACK TO one"); err != nil {
			return nil, classify(err)
		}
	}
	_, err = w.conn.exec("RELEASE one")
	return result, classify(err)
}

// undo takes back a transaction. After an error of the device the handle is
// thrown away, because what reached the disk is unknown and a sync that failed
// must not be repeated on it: opening again recovers from the log. Then every
// claim is void and owners load again.
func (w *writer) undo(cause error) {
	_, err := w.conn.exec("ROLLBACK")
	var e *sqlite.Error
	if errors.Is(cause, errSpoiled) || errors.Is(cause, dispatch.ErrFull) || !errors.As(cause, &e) {
		if err == nil || noTransaction(err) {
			w.claims.revert(0)
			return
		}
	}
	w.logger.Error("database: reopening the main file", "error", cause)
	w.claims.clear()
	if err := w.conn.close(); err != nil {
		w.logger.Error("database: closing the main file", "error", err)
	}
	w.conn = nil
}

// broken says that an error is of the file or the device, not of a statement.
func broken(e *sqlite.Error) bool {
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_ERROR:
		return false
	}
	return true
}

// noTransaction recognises the answer to a ROLLBACK after SQLite itself has
// rolled back.
func noTransaction(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_ERROR
}

// classify names the condition of a full disk.
func classify(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w: %w", dispatch.ErrFull, err)
	}
	return err
}
