package vm

import (
	"fmt"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// settle says what an empty microtask queue means. There are four cases: reads
// are outstanding, the handler settled, outside operations are wanted or
// outstanding, or nothing can ever wake the handler again.
func (r *Run) settle() (Turn, error) {
	promise, pending := r.outcome()
	if promise != nil && promise.State() == goja.PromiseStateRejected {
		return Turn{}, r.thrown(promise.Result())
	}
	for _, p := range r.rejected {
		if p != promise {
			return Turn{}, r.thrown(p.Result())
		}
	}
	// A call counts also without await, so reads come before the end.
	if reads := r.kv.reads(); len(reads) > 0 {
		return Turn{Reads: reads}, nil
	}
	if !pending {
		return Turn{Segment: r.last(promise)}, nil
	}
	if r.ops.outstanding() == 0 {
		return Turn{}, &runtime.ScriptError{
			Name:    runtime.HandlerStalledError,
			Message: "the handler waits for a promise that nothing can settle",
		}
	}
	return Turn{Segment: r.wait()}, nil
}

// outcome says how far the handler is. The promise is nil when it returned
// none.
func (r *Run) outcome() (promise *goja.Promise, pending bool) {
	o, ok := r.result.(*goja.Object)
	if !ok || !isPromise(o) {
		return nil, false
	}
	promise = o.Export().(*goja.Promise)
	return promise, promise.State() == goja.PromiseStatePending
}

// wait is the segment of an event that goes on after an outside result.
func (r *Run) wait() *runtime.Segment {
	s := &runtime.Segment{KV: r.kv.take()}
	for _, c := range r.calls {
		if c.request == nil {
			s.Commands = append(s.Commands, c.command)
		}
	}
	r.calls = nil
	s.Begin, s.Cancel = r.ops.begin()
	s.Waiting = len(r.ops.begun)
	s.Lines = r.log.take()
	return s
}

// last is the last segment of an event that went well. Requests that nobody
// waits for are sent like commands; timers that were not begun are not.
func (r *Run) last(promise *goja.Promise) *runtime.Segment {
	s := &runtime.Segment{KV: r.kv.take(), Outcome: &runtime.Outcome{}}
	dropped := 0
	for _, c := range r.calls {
		if c.request != nil && !r.fitsOutbox(c.command) {
			dropped++
			continue
		}
		s.Commands = append(s.Commands, c.command)
	}
	if dropped > 0 {
		r.warn(fmt.Sprintf("%d requests that the handler did not wait for were dropped: the device's outbox is full", dropped))
	}
	timers := 0
	for _, op := range r.ops.wanted {
		if op.Kind == runtime.Timer {
			timers++
		}
	}
	if timers > 0 {
		r.warn(fmt.Sprintf("%d timers were not started: the handler ended without waiting for them", timers))
	}
	s.Outcome.Value = r.returned(promise)
	r.log.close()
	s.Lines = r.log.take()
	return s
}

// returned is the handler's return value as JSON, or nil where it has none.
func (r *Run) returned(promise *goja.Promise) (text []byte) {
	v := r.result
	if promise != nil {
		v = promise.Result()
	}
	if v == nil || goja.IsUndefined(v) {
		return nil
	}
	e := encoder{run: r, what: "the return value", bytes: r.limits.Command, nodes: r.limits.Nodes, depth: r.limits.Depth}
	if ex := r.rt.Try(func() { text = e.encode(v) }); ex != nil || text == nil {
		reason := "JSON has no word for it"
		if ex != nil {
			reason = r.safeText(ex.Value())
		}
		r.warn("the return value was dropped: " + reason)
		return nil
	}
	return text
}
