package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"modernc.org/sqlite"
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
	size   int64 // most bytes of the main file, 0 for no bound
	conn   *conn // nil after a failed reopen
	anchor *conn // never written with, closed last: see undo
	claims *claims
	logger *slog.Logger
	health *health
	stats  writerStats
	queue  chan *write

	mu      sync.RWMutex // held for reading while sending to queue
	closed  bool
	stopped chan struct{}
}

func newWriter(path string, size int64, claims *claims, logger *slog.Logger) (*writer, error) {
	w := &writer{path: path, size: size, claims: claims, logger: logger, health: newHealth(logger),
		queue: make(chan *write, maxQueue), stopped: make(chan struct{})}
	if err := w.dial(); err != nil {
		return nil, err
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(classify(err), w.closeAll())
	}
	go w.run() // until close
	return w, nil
}

// begin sees to it that the file can be written and that nothing is left of an
// earlier life: a file that cannot be is refused now, not at the first event.
func (w *writer) begin() (err error) {
	if err := w.conn.script("BEGIN IMMEDIATE; UPDATE meta SET value = value; ROLLBACK;"); err != nil {
		return err
	}
	if w.anchor, err = dial(w.path, "busy_timeout=1000", "query_only=ON", "cache_size=-64"); err != nil {
		return err
	}
	if _, err := w.anchor.number("SELECT count(*) FROM meta"); err != nil {
		return err
	}
	w.settle()
	return nil
}

// settle folds a write-ahead log that was left behind into the main file. What
// recovery reads of it may be in the system's cache only, after a sync that
// failed: new commits must not stand on that. Without room it has to wait.
func (w *writer) settle() {
	if _, err := w.conn.exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		w.logger.Warn("database: the write-ahead log was not folded in", "error", err)
	}
}

func (w *writer) dial() (err error) {
	c, err := dial(w.path, "busy_timeout=1000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON",
		"recursive_triggers=ON", "cell_size_check=ON", "cache_size=-16384", "journal_size_limit=67108864", "wal_autocheckpoint=2000")
	if err != nil {
		return classify(err)
	}
	level, err := c.number("PRAGMA synchronous")
	if err != nil {
		return errors.Join(classify(err), c.close())
	}
	w.stats.synchronous.Store(level)
	if w.size > 0 {
		if err := c.limit(w.size); err != nil {
			return errors.Join(classify(err), c.close())
		}
	}
	w.conn = c
	return nil
}

// limit bounds the size of the file; beyond it writes find the disk full.
func (c *conn) limit(size int64) error {
	page, err := c.number("PRAGMA page_size")
	if err == nil {
		_, err = c.number(fmt.Sprintf("PRAGMA max_page_count = %d", max(size/max(page, 1), 1)))
	}
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
		begun := time.Now()
		if err := w.commit(batch, results[:len(batch)]); wrote(batch) {
			w.stats.note(len(batch), time.Since(begun), err)
			w.health.note(err, len(batch))
		}
		for i, x := range batch {
			x.done <- results[i]
			batch[i], results[i] = nil, nil
		}
	}
}

// close answers what is queued and closes the handles; the last one folds the
// write-ahead log in.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.queue)
	<-w.stopped
	return w.closeAll()
}

func (w *writer) closeAll() (err error) {
	if w.conn != nil {
		err = w.conn.close()
	}
	if w.anchor != nil {
		err = errors.Join(err, w.anchor.close())
	}
	return err
}

// commit runs a batch. A write that fails after it has written spoils the
// transaction, so the batch is run again with a savepoint for each.
func (w *writer) commit(batch []*write, results []error) error {
	err := w.attempt(batch, results, false)
	if errors.Is(err, errSpoiled) {
		err = w.attempt(batch, results, true)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("write %s: %w", w.path, err)
	for i := range results {
		results[i] = err
	}
	return err
}

// wrote says whether a batch asked for the disk.
func wrote(batch []*write) bool {
	for _, x := range batch {
		if !x.idle {
			return true
		}
	}
	return false
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
// must not be repeated on it; a new one writes over what was not committed. The
// last handle of a file syncs when it closes, which this one must not: so the
// anchor is there. Then every claim is void and owners load again.
func (w *writer) undo(cause error) {
	_, err := w.conn.exec("ROLLBACK")
	if harmless(cause) && (err == nil || noTransaction(err)) {
		w.claims.revert(0)
		return
	}
	w.claims.clear()
	if err := w.conn.close(); err != nil {
		w.logger.Warn("database: closing the main file", "error", err)
	}
	w.conn = nil
	w.stats.reopened.Add(1)
}
