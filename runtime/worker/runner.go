package worker

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

// compileLimit stands for an event's CPU limit while the engine prepares a
// bundle, which its trial has shown to be possible. It is charged to no event.
const compileLimit = time.Second

// flushAfter is how much CPU time turns may take until what came of them is
// written although more events are ready.
const flushAfter = 300 * time.Microsecond

// runner runs one turn at a time. It is locked to its thread for the length of a
// turn only: a runner locked for ever pays a thread switch for each hand-over.
type runner struct {
	worker *worker
	held   time.Duration // CPU time since the last flush

	mu    sync.Mutex // guards what the watchdog sees
	now   turning
	count uint64 // turns begun
}

// interrupted is what an interrupt reaches: a run or a trial of the engine, or
// nil.
type interrupted interface{ Interrupt(limit string) }

// turning is the turn that runs.
type turning struct {
	event  *event // nil: none
	run    interrupted
	thread int
	start  time.Duration // the thread's clock at the start
	left   time.Duration // CPU time until the interrupt; 0: no interrupt
	limit  time.Duration // of which twice, and 50 ms, is an overrun
	heap   uint64        // before it was first looked at
	said   time.Time     // when it was last reported as slow
	told   bool          // an overrun was reported
}

// program is a version's code in this process, compiled when it first runs.
type program struct {
	source Source

	once sync.Once
	code *vm.Program
	err  error
}

func (r *runner) loop() {
	for {
		ev := r.worker.take()
		if ev == nil {
			return
		}
		r.turn(ev)
		if r.held >= flushAfter {
			r.held = 0
			r.worker.out.flush()
		}
	}
}

// turn runs the turn that an event has before it and writes what came of it.
func (r *runner) turn(ev *event) {
	if ev.trial != nil {
		r.try(ev)
		return
	}
	goruntime.LockOSThread()
	var t vm.Turn
	var cpu time.Duration
	if code, err := r.compiled(ev); err != nil {
		t = failed(err)
	} else {
		if ev.run == nil {
			ev.begin(code)
		}
		cpu = r.watched(ev, ev.run, max(1, ev.budget.left()), ev.budget.limit, func() { t = r.step(ev) })
	}
	goruntime.UnlockOSThread()
	r.held += cpu
	ev.budget.spent += cpu
	r.worker.finish(ev, t)
}

// compiled returns the program of an event.
func (r *runner) compiled(ev *event) (*vm.Program, error) {
	p := ev.program
	p.once.Do(func() {
		r.watched(ev, nil, 0, compileLimit, func() { p.code, p.err = vm.Compile(p.source) })
	})
	return p.code, p.err
}

// watched runs f as a turn that the watchdog sees and returns its CPU time. On
// the runner's locked thread only.
func (r *runner) watched(ev *event, run interrupted, left, limit time.Duration, f func()) time.Duration {
	start := ownCPU()
	r.mu.Lock()
	r.now = turning{event: ev, run: run, thread: thread(), start: start, left: left, limit: limit}
	r.count++
	r.mu.Unlock()
	r.worker.dog.rouse()
	defer func() {
		r.mu.Lock()
		r.now = turning{}
		r.mu.Unlock()
	}()
	f()
	return max(0, ownCPU()-start)
}

// step lets the engine run. A panic of the engine is the event's error.
func (r *runner) step(ev *event) (t vm.Turn) {
	defer func() {
		if x := recover(); x != nil {
			t = failed(fmt.Errorf("the engine panicked: %v", x))
		}
	}()
	resume, answers := ev.resume, ev.answers
	ev.resume, ev.answers = nil, nil
	switch ev.next {
	case started:
		t = ev.run.Start()
	case resumed:
		t = ev.run.Resume(resume)
	case answered:
		t = ev.run.Answer(answers)
	}
	if t.Segment == nil && len(t.Reads) == 0 {
		t = failed(errors.New("the engine gave nothing back"))
	}
	return t
}

// failed is the last turn of an event that the engine could not run.
func failed(err error) vm.Turn {
	var serr *runtime.ScriptError
	if !errors.As(err, &serr) {
		serr = &runtime.ScriptError{Name: "InternalError", Message: err.Error()}
	}
	return vm.Turn{Segment: &runtime.Segment{Outcome: &runtime.Outcome{Error: serr}}}
}

// finish writes what came of a turn.
func (w *worker) finish(ev *event, t vm.Turn) {
	w.mu.Lock()
	ev.turning = false
	if ev.cancelled {
		w.drop(ev)
		w.mu.Unlock()
		return
	}
	if t.Segment != nil && t.Segment.Outcome != nil {
		delete(w.events, ev.id)
	}
	w.mu.Unlock()
	if t.Segment == nil {
		w.out.put(func(b []byte) []byte { return appendReads(b, ev.id, t.Reads) })
		return
	}
	t.Segment.CPU = ev.budget.spent
	if o := t.Segment.Outcome; o != nil && o.Error != nil && o.Error.Limit != "" {
		o.Error.CPUMillis = float64(ev.budget.used()) / float64(time.Millisecond)
	}
	w.out.put(func(b []byte) []byte { return appendSegment(b, ev.id, t.Segment) })
}
