// Package worker is the child process that runs events: it reads invocations
// from a pipe, runs each turn in the engine under a watchdog, and writes back
// what came of it.
//
// It knows no device, no store, no network and no file. Nothing that it says
// takes effect by itself: its parent judges every frame and applies the effects.
package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

// Main is the worker process: it speaks the pipe protocol on stdin and stdout
// until stdin ends, and returns the exit code. The first frame is the start
// frame.
func Main(stdin io.Reader, stdout io.Writer) int {
	vm.UseUTC()
	debug.SetTraceback("single")
	debug.SetMaxStack(maxStack)
	limitRest()
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // said to a whole group; the pipe ends a worker
	in := NewReader(pollable(stdin))
	settings, err := readStart(in)
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 2
	}
	if settings.Procs > 0 {
		goruntime.GOMAXPROCS(settings.Procs)
	}
	w := newWorker(in, stdout)
	w.dog.heap.limit(settings.Memory)
	w.out.put(func(b []byte) []byte { return appendReady(b, Ready{Protocol: Protocol, Clock: hasClock}) })
	w.start(settings.Runners)
	if err := w.wait(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 2
	}
	return 0
}

// maxStack is the most bytes of a goroutine's stack: recursion in the engine's
// own code ends the process before it takes the memory of others.
const maxStack = 64 << 20

func readStart(in *Reader) (Settings, error) {
	kind, body, err := in.Next()
	if err != nil {
		return Settings{}, err
	}
	d := decoder{b: body}
	if protocol := d.uint(); kind != KindStart || protocol != Protocol {
		return Settings{}, fmt.Errorf("frame %d of protocol %d at the start", kind, protocol)
	}
	s := Settings{Runners: int(d.uint()), Procs: int(d.uint()), Memory: d.uint()}
	return s, d.done()
}

// worker holds the events of the process. Its runners take turns at reading: the
// one that finds nothing to do reads the pipe itself, so that an event alone
// needs no hand-over between threads. While all of them are busy for long, the
// relief reads.
type worker struct {
	in  *Reader // belongs to whoever set reading
	out outlet
	dog watchdog

	over chan struct{} // closed at the end of the input
	err  error         // why, set before over is closed

	relief chan struct{} // capacity 1: asks the relief to read

	mu       sync.Mutex
	idle     sync.Cond // runners with nothing to do while another reads
	reading  bool
	ended    bool
	ready    queue
	events   map[uint64]*event
	programs map[uint64]*program
}

// event is one invocation from its run frame to its outcome. Runners own it
// while a turn runs; between turns it belongs to the worker's lock.
type event struct {
	id      uint64
	program *program
	inv     *runtime.Invocation // nil once begun
	trial   *trial              // instead of an invocation

	run     *vm.Run // nil until begun
	next    step
	resume  *runtime.Resume      // of a resumed step
	answers []runtime.ReadResult // of an answered step
	budget  budget

	queued, turning, cancelled bool
}

// step is how an event's next turn begins.
type step byte

const (
	started step = iota
	resumed
	answered
)

func newWorker(in *Reader, out io.Writer) *worker {
	w := &worker{
		in: in, out: outlet{w: out}, over: make(chan struct{}), relief: make(chan struct{}, 1),
		events: make(map[uint64]*event), programs: make(map[uint64]*program),
	}
	w.idle.L = &w.mu
	w.dog.worker = w
	w.dog.wake = make(chan struct{}, 1)
	return w
}

// start begins the runners, the relief and the watchdog. They end with the
// process.
func (w *worker) start(runners int) {
	runners = max(1, runners)
	w.dog.runners = make([]*runner, runners)
	for i := range w.dog.runners {
		w.dog.runners[i] = &runner{worker: w}
	}
	for _, r := range w.dog.runners {
		go r.loop()
	}
	go w.relieve()
	go w.dog.watch()
}

// wait returns when the input has ended: with nil at its proper end.
func (w *worker) wait() error {
	<-w.over
	if errors.Is(w.err, io.EOF) {
		return nil
	}
	return w.err
}

// take returns the next event that has a turn to run, or nil at the end. The
// caller may have to read for it.
func (w *worker) take() *event {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.ended {
		if ev := w.ready.pop(); ev != nil {
			ev.queued, ev.turning = false, true
			if w.ready.len() > 0 {
				w.idle.Signal()
			}
			return ev
		}
		if w.reading {
			w.mu.Unlock()
			w.out.flush()
			w.mu.Lock()
			if w.reading && w.ready.len() == 0 && !w.ended {
				w.idle.Wait()
			}
			continue
		}
		w.read()
	}
	return nil
}

// read takes at least one frame, and all others that came with it. With the lock
// held, which it gives up while it waits.
func (w *worker) read() {
	w.reading = true
	w.mu.Unlock()
	w.out.flush()
	var err error
	for more := true; more && err == nil; more = w.in.Buffered() {
		var kind Kind
		var body []byte
		if kind, body, err = w.in.Next(); err == nil {
			err = w.handle(kind, body)
		}
	}
	w.mu.Lock()
	w.reading = false
	if err != nil && !w.ended {
		w.ended, w.err = true, err
		close(w.over)
		w.idle.Broadcast()
	}
}

// relieve reads if no runner is free to.
func (w *worker) relieve() {
	for range w.relief {
		w.mu.Lock()
		if !w.reading && !w.ended {
			w.read()
			w.idle.Signal()
		}
		w.mu.Unlock()
		w.out.flush()
	}
}

// neglected sees to the pipe while a turn goes on: what gathered is written, and
// the relief reads if nobody does. It never waits for the pipe.
func (w *worker) neglected() {
	if w.out.pending() > 0 {
		go w.out.flush()
	}
	w.mu.Lock()
	unread := !w.reading
	w.mu.Unlock()
	if unread {
		select {
		case w.relief <- struct{}{}:
		default:
		}
	}
}

// queue is the events with a turn to run, first come first.
type queue struct {
	list []*event
	head int
}

func (q *queue) len() int { return len(q.list) - q.head }

func (q *queue) push(ev *event) {
	ev.queued = true
	q.list = append(q.list, ev)
}

func (q *queue) pop() *event {
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
		return nil
	}
	ev := q.list[q.head]
	q.list[q.head] = nil
	q.head++
	return ev
}

// remove takes out the events that match and returns them.
func (q *queue) remove(match func(*event) bool) []*event {
	var out []*event
	kept := slices.DeleteFunc(q.list[q.head:], func(ev *event) bool {
		if !match(ev) {
			return false
		}
		ev.queued = false
		out = append(out, ev)
		return true
	})
	q.list = q.list[:q.head+len(kept)]
	return out
}
