package pool

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	goruntime "runtime"
	"sync"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
)

// role says what a worker is kept for.
type role byte

const (
	spare  role = iota // warm, runs nothing
	active             // runs events
	alone              // runs suspects, one turn at a time
)

// child is one worker process.
type child struct {
	pool   *Pool
	trial  bool
	born   time.Time
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr excerpt
	late   *time.Timer // kills a child that does not report ready
	wake   chan struct{}
	gone   chan struct{} // closed when nothing is sent any more
	tried  chan []byte   // a trial's report

	// Guarded by the pool's lock.
	role      role
	unsettled int
	projects  map[string]int // unsettled calls of each
	slow      int            // slow turns that run
	silent    bool           // says nothing although a turn should have ended
	resting   time.Time      // since when it has had nothing to do
	programs  map[string]*loaded
	loads     uint64 // numbers programs
	uses      uint64 // counts uses of programs
	bytes     int    // of all programs
	joined    bool
	served    bool // has run an event

	mu     sync.Mutex
	end    *ending // nil while it lives
	calls  map[uint64]*call
	serial uint64
	heard  time.Time // when it last said something about a turn
	buf    []byte    // to be written
	spare  []byte
}

// loaded is a version's code in a worker.
type loaded struct {
	number uint64
	bytes  int
	users  int
	used   uint64
}

// keepPrograms is how many bytes of bundles and source maps a worker keeps, if
// events use no more.
const keepPrograms = 8 << 20

// program returns the number of a version's program in the worker and has it
// loaded first where need be. With both locks held.
func (ch *child) program(code *Code) *loaded {
	ch.uses++
	l := ch.programs[code.Version]
	if l == nil {
		size := len(code.Bundle) + len(code.SourceMap)
		ch.forget(size)
		ch.loads++
		l = &loaded{number: ch.loads, bytes: size}
		ch.programs[code.Version] = l
		ch.bytes += size
		ch.buf = worker.AppendLoad(ch.buf, l.number, code.source())
	}
	l.used = ch.uses
	return l
}

// forget makes room for a program: the one unused for longest goes first.
func (ch *child) forget(size int) {
	for ch.bytes+size > keepPrograms {
		var oldest string
		for version, l := range ch.programs {
			if l.users == 0 && (oldest == "" || l.used < ch.programs[oldest].used) {
				oldest = version
			}
		}
		if oldest == "" {
			return
		}
		l := ch.programs[oldest]
		delete(ch.programs, oldest)
		ch.bytes -= l.bytes
		ch.buf = worker.AppendForget(ch.buf, l.number)
	}
}

// source is the code as a worker loads it. A source map that fits no frame stays
// behind: errors then have no positions.
func (c *Code) source() *worker.Source {
	s := &worker.Source{
		Version: c.Version, Script: c.Script, Main: c.Main,
		Code: c.Bundle, SourceMap: c.SourceMap, Handlers: c.Handlers,
	}
	if len(s.Code)+len(s.SourceMap) > worker.MaxFrame-(64<<10) {
		s.SourceMap = nil
	}
	return s
}

// begin sends a call's event to the worker. It is false if the worker is gone.
// With the pool's lock held.
func (ch *child) begin(c *call) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end != nil {
		return false
	}
	c.program = ch.program(&c.code)
	c.program.users++
	ch.serial++
	c.child, c.id = ch, ch.serial
	c.replied, c.slow, c.unwait = false, false, nil
	ch.calls[c.id] = c
	ch.buf = worker.AppendRun(ch.buf, c.id, c.program.number, c.inv)
	ch.turn(c)
	return true
}

// turn notes that a call's turn is in the worker's hands. With the lock held.
func (ch *child) turn(c *call) {
	c.turning, c.sent = true, time.Now()
	ch.poke()
}

// resume sends a result to a waiting event, answer the answers to its reads.
// Nothing is sent to a worker that is gone: its calls are told of that.
func (ch *child) resume(c *call, r *runtime.Resume) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c.unwait = nil
	if ch.end == nil {
		ch.buf = worker.AppendResume(ch.buf, c.id, r)
		ch.turn(c)
	}
}

func (ch *child) answer(c *call, results []runtime.ReadResult) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end == nil {
		ch.buf = worker.AppendAnswer(ch.buf, c.id, results)
		ch.turn(c)
	}
}

// cancel abandons a call. It stays unsettled until the worker has dropped it.
func (ch *child) cancel(c *call) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end == nil && ch.calls[c.id] == c {
		c.cancelled = true
		ch.buf = worker.AppendCancel(ch.buf, c.id)
		ch.poke()
	}
}

// revoke wants back what the worker has not begun.
func (ch *child) revoke() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end == nil {
		ch.buf = worker.AppendRevoke(ch.buf)
		ch.poke()
	}
}

// remove takes a call off the worker's hands.
func (ch *child) remove(c *call) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	delete(ch.calls, c.id)
}

// poke wakes the writer.
func (ch *child) poke() {
	select {
	case ch.wake <- struct{}{}:
	default:
	}
}

// write writes what has gathered, in one write each time, until the child is
// gone. What gathers is bounded: a call has one frame under way.
func (ch *child) write() {
	for {
		select {
		case <-ch.wake:
		case <-ch.gone:
			return
		}
		goruntime.Gosched() // whoever else is about to send comes along
		ch.mu.Lock()
		out := ch.buf
		ch.buf, ch.spare = ch.spare[:0], nil
		ch.mu.Unlock()
		if len(out) > 0 {
			_, _ = ch.in.Write(out) // the reader sees the end of a broken pipe
		}
		if cap(out) <= 1<<20 {
			ch.mu.Lock()
			ch.spare = out[:0]
			ch.mu.Unlock()
		}
	}
}

// read takes the worker's frames until there are no more, and buries it.
func (ch *child) read(frames *worker.Reader) {
	err := ch.greet(frames)
	for err == nil {
		var kind worker.Kind
		var body []byte
		if kind, body, err = frames.Next(); err == nil {
			err = ch.hear(kind, body)
		}
	}
	ch.bury(err)
}

// greet takes the first frame and lets the worker join the pool.
func (ch *child) greet(frames *worker.Reader) error {
	kind, body, err := frames.Next()
	if err != nil {
		return err
	}
	if kind != worker.KindReady {
		return fmt.Errorf("%w: kind %d before ready", worker.ErrFrame, kind)
	}
	ready, err := worker.DecodeReady(body)
	if err != nil {
		return err
	}
	if ready.Protocol != worker.Protocol {
		return fmt.Errorf("%w: protocol %d, not %d", worker.ErrFrame, ready.Protocol, worker.Protocol)
	}
	ch.late.Stop()
	if !ch.trial {
		ch.pool.join(ch)
	}
	return nil
}

// hear does what one frame says. An error ends the worker.
func (ch *child) hear(kind worker.Kind, body []byte) error {
	switch kind {
	case worker.KindSegment, worker.KindReads:
		return ch.turned(kind, body)
	case worker.KindSlow:
		return ch.slowed(body)
	case worker.KindOverrun:
		return ch.overran(body)
	case worker.KindRevoked:
		return ch.revoked(body)
	case worker.KindDropped:
		return ch.dropped(body)
	case worker.KindTried:
		if !ch.trial || len(ch.tried) > 0 {
			return fmt.Errorf("%w: report of no trial", worker.ErrFrame)
		}
		ch.tried <- bytes.Clone(body)
		return nil
	}
	return fmt.Errorf("%w: kind %d", worker.ErrFrame, kind)
}
