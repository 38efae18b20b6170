package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/logs"
)

const (
	// flushEvery is the shortest time between two flushes under load. After a pause
	// lines are flushed at once.
	flushEvery = 20 * time.Millisecond
	// flushBytes of waiting lines are flushed without waiting.
	flushBytes = 256 << 10
	// maxWaiting bounds the bytes that wait; when it is reached, callers wait.
	maxWaiting = 8 << 20
)

// Append keeps what an event left that commits nothing else. It blocks while the
// queue of lines is full. What cannot be kept is told to the server's own log:
// no acknowledgement covers it.
func (d *DB) Append(rec logs.Record) {
	if err := d.append(context.Background(), &rec); err != nil {
		d.opts.Logger.Warn("database: a log record was lost", "device", rec.Device, "event", rec.EventID, "error", err)
	}
}

func (d *DB) append(ctx context.Context, rec *logs.Record) error {
	device, err := d.rowOf(ctx, rec.Device)
	if err != nil {
		return err
	}
	ids := d.sequence.take(rec)
	if ids.outcome != nil {
		err = d.writer.guard(ctx, func(c *conn) error { return insertOutcome(c, device, rec, ids.outcome.first) })
		d.sequence.settle(ids.outcome)
	}
	if err != nil || ids.lines == nil {
		d.sequence.settle(ids.lines)
		return err
	}
	return d.lines.push(device, rec, ids.lines)
}

// rowOf finds a device's row id, of claimed devices without a read.
func (d *DB) rowOf(ctx context.Context, key device.Key) (id int64, err error) {
	if held, ok := d.claims.find(key); ok {
		return held.row, nil
	}
	err = d.readers.do(ctx, func(c *conn) error {
		id, err = deviceRow(c, key)
		return err
	})
	return id, err
}

// lineWriter owns the handle that writes the newest log file. Its goroutine
// takes the lines that wait and commits them together.
type lineWriter struct {
	db   *DB
	wake chan struct{} // holds one token: there are lines
	full chan struct{} // holds one token: there are flushBytes of them
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex
	waiting []entry
	bytes   int
	room    chan struct{} // closed when the queue was taken
	closed  bool

	dropped, lost atomic.Uint64 // lines

	// the goroutine's own
	bound   bound
	file    *logFile // nil before the first line and after a cut
	conn    *conn
	last    int64
	flushed time.Time
	told    time.Time // of losses
}

// entry is the lines of one event on their way to the file.
type entry struct {
	device int64
	rec    *logs.Record
	ids    *stretch
}

func newLineWriter(d *DB) *lineWriter {
	w := &lineWriter{db: d, wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}), room: make(chan struct{})}
	go w.run() // until close
	return w
}

// push queues the lines of a record and blocks while the queue is full, which
// ends when the goroutine takes it. The record must not change afterwards.
func (w *lineWriter) push(device int64, rec *logs.Record, ids *stretch) error {
	size := 0
	for i := range rec.Lines {
		size += lineSize(&rec.Lines[i])
	}
	for {
		room, err := w.offer(entry{device, rec, ids}, size)
		if err != nil {
			w.db.sequence.settle(ids)
			return err
		}
		if room == nil {
			return nil
		}
		<-room
	}
}

// offer queues an entry, or returns what to wait for.
func (w *lineWriter) offer(e entry, size int) (room <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	if w.bytes > 0 && w.bytes+size > maxWaiting {
		return w.room, nil
	}
	w.waiting = append(w.waiting, e)
	w.bytes += size
	nudge(w.wake)
	if w.bytes >= flushBytes {
		nudge(w.full)
	}
	return nil, nil
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (w *lineWriter) take() []entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.waiting
	w.waiting, w.bytes = nil, 0
	close(w.room)
	w.room = make(chan struct{})
	return taken
}

func (w *lineWriter) run() {
	defer close(w.done)
	for {
		select {
		case <-w.wake:
			w.pause()
			w.flush()
		case <-w.quit:
			w.flush()
			return
		}
	}
}

// pause lets lines gather when the last flush was a moment ago.
func (w *lineWriter) pause() {
	rest := flushEvery - time.Since(w.flushed)
	if rest <= 0 {
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.full:
	case <-w.quit:
	}
}

// flush commits what waits. Lines that cannot be written are given up and said
// so: they are not covered by any acknowledgement.
func (w *lineWriter) flush() {
	entries := w.take()
	if len(entries) == 0 {
		return
	}
	if err := w.store(entries); err != nil {
		w.lose(entries, err)
	}
	ids := make([]*stretch, len(entries))
	for i := range entries {
		ids[i] = entries[i].ids
	}
	w.db.sequence.settle(ids...)
	w.flushed = time.Now()
}

func (w *lineWriter) store(entries []entry) (err error) {
	defer func() {
		if err != nil {
			err = w.reset(classify(err))
		}
	}()
	if err := w.ready(); err != nil {
		return err
	}
	if _, err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	added := map[string]int64{}
	for _, e := range entries {
		if err := w.insert(e, added); err != nil {
			return err
		}
		w.last = max(w.last, e.ids.last)
	}
	for project, bytes := range added {
		_, err := w.conn.exec(`INSERT INTO usage (project, bytes) VALUES (?, ?)
			ON CONFLICT (project) DO UPDATE SET bytes = bytes + excluded.bytes`, project, bytes)
		if err != nil {
			return err
		}
	}
	if _, err = w.conn.exec("COMMIT"); err == nil {
		w.db.files.book(w.file, added)
	}
	return err
}

// reset lets go of the handle after an error: the next flush opens the file
// again, or another one when this one is damaged.
func (w *lineWriter) reset(err error) error {
	if w.conn != nil {
		err = errors.Join(err, w.conn.close())
		w.conn = nil
	}
	if w.file != nil && errors.Is(err, ErrDamaged) {
		err = errors.Join(err, w.leave())
	}
	return err
}

// lose gives lines up. The log hears of it once a second at most.
func (w *lineWriter) lose(entries []entry, err error) {
	for _, e := range entries {
		w.lost.Add(uint64(len(e.rec.Lines)))
	}
	if now := time.Now(); now.Sub(w.told) >= time.Second {
		w.told = now
		w.db.opts.Logger.Error("database: log lines were lost", "lines", w.lost.Load(), "error", err)
	}
}

// close flushes and ends the goroutine. The file stays the one that is written.
func (w *lineWriter) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.quit)
	<-w.done
	if w.conn == nil {
		return nil
	}
	return w.conn.close()
}
