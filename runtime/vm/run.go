package vm

import (
	"errors"
	"fmt"
	"sync"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// Run is one event in its own realm. All methods but Interrupt are called by
// one goroutine at a time.
type Run struct {
	program *Program
	inv     *runtime.Invocation
	quota   runtime.Quota
	limits  runtime.Limits
	over    bool

	rt       *goja.Runtime
	proto    *goja.Object // Object.prototype
	exported goja.Value
	instance *goja.Object
	handler  goja.Value
	result   goja.Value // what the handler returned; nil until it was called
	env      *goja.Object
	freezer  goja.Callable
	rejected []*goja.Promise // without a handler so far

	kv       state
	ops      operations
	calls    []call // sends and requests of this segment, in call order
	sends    int    // of the event
	outbox   outboxUse
	log      logbook
	counters map[string]*counter

	mu      sync.Mutex // guards the rest
	running bool
	limit   string // what interrupted the turn that is running
}

// Turn is what one turn came to. With Reads the turn ended but not the segment:
// they are to be answered with Answer. Else Segment is set; the caller sets its
// CPU, and that of the error in its outcome.
type Turn struct {
	Reads   []runtime.Read
	Segment *runtime.Segment
}

// errOver says that a run was used after its outcome.
var errOver = errors.New("the event is over")

// Start evaluates the module, makes the instance and calls the handler.
func (r *Run) Start() Turn {
	return r.turn(func() error {
		if err := r.load(); err != nil {
			return err
		}
		return r.call()
	})
}

// Resume delivers one outside result. A result that nobody waits for is
// dropped.
func (r *Run) Resume(res *runtime.Resume) Turn {
	return r.turn(func() error {
		r.quota = res.Quota
		r.outbox = outboxUse{}
		r.kv.resume(res.KV)
		return r.ops.deliver(r, res.Result)
	})
}

// Answer delivers the answers to the Reads of the last turn.
func (r *Run) Answer(res []runtime.ReadResult) Turn {
	return r.turn(func() error {
		for _, one := range res {
			r.kv.learn(one)
		}
		return r.pump()
	})
}

// Interrupt ends the turn that is running now because of a limit: "cpu",
// "wall", "memory" or "cancelled". Between turns it does nothing, and it never
// reaches a later turn. Any goroutine may call it.
func (r *Run) Interrupt(limit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running || r.limit != "" {
		return
	}
	r.limit = limit
	r.rt.Interrupt(limit)
}

// turn runs f, lets the microtasks end and says what came of it.
func (r *Run) turn(f func() error) Turn {
	if r.over {
		return Turn{Segment: &runtime.Segment{Outcome: &runtime.Outcome{Error: &runtime.ScriptError{
			Name: runtime.InterruptedError, Message: errOver.Error(),
		}}}}
	}
	if r.rt == nil {
		r.open()
	}
	r.begin()
	var t Turn
	err := r.guard(func() error {
		err := f()
		if err == nil {
			t, err = r.settle()
		}
		return err
	})
	var failure *runtime.ScriptError
	if err != nil {
		failure = r.describe(err)
	}
	if limit := r.end(); limit != "" && (failure == nil || failure.Limit == "") {
		failure = r.limited(limit, err)
	}
	if failure != nil {
		t = Turn{Segment: r.failed(failure)}
	}
	if t.Segment != nil && t.Segment.Outcome != nil {
		r.over = true
		r.release()
	}
	return t
}

// release lets go of the realm.
func (r *Run) release() {
	r.rt, r.proto, r.env, r.freezer = nil, nil, nil, nil
	r.exported, r.instance, r.handler, r.result, r.rejected = nil, nil, nil, nil, nil
	r.kv, r.ops, r.calls, r.outbox = state{}, operations{}, nil, outboxUse{}
}

func (r *Run) begin() {
	r.mu.Lock()
	r.running = true
	r.mu.Unlock()
}

// end closes the door to interrupts and says which one, if any, came in time.
func (r *Run) end() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.limit
	r.running, r.limit = false, ""
	r.rt.ClearInterrupt()
	return limit
}

func (r *Run) interrupted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit != ""
}

// guard runs f and makes errors of everything that it may throw: the engine
// hands on panics that are not its own, and throws script values through Go
// where promises call back into scripts.
func (r *Run) guard(f func() error) (err error) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case error:
			if err = x; !ofScript(x) {
				err = &enginePanic{x}
			}
		case goja.Value:
			err = r.thrown(x)
		default:
			err = &enginePanic{x}
		}
	}()
	return f()
}

// ofScript says whether an error is one that describe knows.
func ofScript(err error) bool {
	switch err.(type) {
	case *goja.Exception, *goja.InterruptedError, *goja.StackOverflowError, *runtime.ScriptError, *enginePanic:
		return true
	}
	return false
}

// enginePanic is a panic of Go code inside the engine.
type enginePanic struct{ value any }

func (e *enginePanic) Error() string { return fmt.Sprintf("the engine panicked: %v", e.value) }

// thrown makes the exception of a script value, with the stack that an error
// object carries.
func (r *Run) thrown(v goja.Value) error {
	if ex := r.rt.Try(func() { panic(v) }); ex != nil {
		return ex
	}
	return nil
}

// must hands on what a resolving function of a promise may return: an
// interrupt.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
