package vm

import (
	"fmt"
	"math"
	"time"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// longestTimer is the longest delay of a timer; no event lives that long.
const longestTimer = math.MaxInt32 * time.Millisecond

// operations are the outside things that an event asked for: wanted ones begin
// with the end of the segment, begun ones are outstanding.
type operations struct {
	last    uint64
	wanted  []*operation // in call order
	begun   map[uint64]*operation
	cancel  []uint64
	periods map[uint64]*operation // intervals by the id that the script holds
}

// operation is one timer or request. Handle is the id that the script holds: an
// interval is a new operation each time.
type operation struct {
	runtime.Operation
	handle  uint64
	fire    goja.Callable
	args    []goja.Value
	period  time.Duration // of an interval, else 0
	promise deferred      // of a request
	dead    bool
}

func (ops *operations) outstanding() int { return len(ops.wanted) + len(ops.begun) }

// want adds an operation, to begin with the end of the segment.
func (r *Run) want(op *operation) {
	if r.ops.outstanding() >= r.limits.Operations {
		panic(r.newError(runtime.QuotaError, fmt.Sprintf("more than %d timers and requests at once", r.limits.Operations)))
	}
	r.ops.last++
	op.ID = r.ops.last
	if op.handle == 0 {
		op.handle = op.ID
	}
	r.ops.wanted = append(r.ops.wanted, op)
}

func (r *Run) setTimer(call goja.FunctionCall, repeat bool) goja.Value {
	fire, ok := callable(call.Argument(0))
	if !ok {
		panic(r.newError("TypeError", "the first argument of a timer must be a function"))
	}
	op := &operation{fire: fire}
	op.Kind = runtime.Timer
	op.Wait = delay(call.Argument(1).ToFloat())
	if len(call.Arguments) > 2 {
		op.args = append([]goja.Value(nil), call.Arguments[2:]...)
	}
	if repeat {
		op.period = op.Wait
	}
	r.want(op)
	return r.rt.ToValue(int64(op.handle))
}

// delay reads milliseconds as browsers do: at least one, and one for what is no
// number.
func delay(ms float64) time.Duration {
	switch {
	case !(ms >= 1):
		return time.Millisecond
	case ms >= float64(longestTimer/time.Millisecond):
		return longestTimer
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// clearTimer ends a timer by the id that the script holds; other values are
// ignored.
func (r *Run) clearTimer(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	if !goja.IsNumber(v) || v.ToInteger() <= 0 {
		return goja.Undefined()
	}
	handle := uint64(v.ToInteger())
	for i, op := range r.ops.wanted {
		if op.handle == handle && op.Kind == runtime.Timer {
			r.ops.wanted = append(r.ops.wanted[:i], r.ops.wanted[i+1:]...)
			op.dead = true
			return goja.Undefined()
		}
	}
	for id, op := range r.ops.begun {
		if op.handle == handle && op.Kind == runtime.Timer {
			delete(r.ops.begun, id)
			r.ops.cancel = append(r.ops.cancel, id)
			op.dead = true
			return goja.Undefined()
		}
	}
	if op := r.ops.periods[handle]; op != nil { // it is firing now
		op.dead = true
	}
	return goja.Undefined()
}

// deliver gives an operation its result, and lets the microtasks end.
func (ops *operations) deliver(r *Run, res runtime.Result) error {
	op := ops.begun[res.ID]
	if op == nil {
		return nil
	}
	delete(ops.begun, res.ID)
	if op.Kind == runtime.Request {
		return op.promise.finish(r, res)
	}
	if op.period > 0 {
		if ops.periods == nil {
			ops.periods = map[uint64]*operation{}
		}
		ops.periods[op.handle] = op
	}
	if _, err := op.fire(goja.Undefined(), op.args...); err != nil {
		return err
	}
	if op.period > 0 {
		delete(ops.periods, op.handle)
		if !op.dead {
			again := &operation{handle: op.handle, fire: op.fire, args: op.args, period: op.period}
			again.Kind, again.Wait = runtime.Timer, op.period
			return r.guard(func() error { r.want(again); return nil })
		}
	}
	return nil
}

// begin takes what a segment asks to begin and to cancel.
func (ops *operations) begin() (begin []runtime.Operation, cancel []uint64) {
	for _, op := range ops.wanted {
		if ops.begun == nil {
			ops.begun = map[uint64]*operation{}
		}
		ops.begun[op.ID] = op
		begin = append(begin, op.Operation)
	}
	cancel = ops.cancel
	ops.wanted, ops.cancel = nil, nil
	return begin, cancel
}

func (r *Run) queueMicrotask(call goja.FunctionCall) goja.Value {
	f := call.Argument(0)
	if _, ok := callable(f); !ok {
		panic(r.newError("TypeError", "the first argument of queueMicrotask must be a function"))
	}
	task := r.rt.ToValue(func(goja.FunctionCall) goja.Value {
		run, _ := callable(f)
		if _, err := run(goja.Undefined()); err != nil {
			panic(err)
		}
		return goja.Undefined()
	})
	promise, resolve, _ := r.rt.NewPromise()
	o := r.rt.ToValue(promise).(*goja.Object)
	if then, ok := callable(o.Get("then")); ok {
		if _, err := then(o, task); err != nil {
			panic(err)
		}
	}
	must(resolve(goja.Undefined()))
	return goja.Undefined()
}
