package dispatch

import (
	"context"
	"strconv"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/runtime"
)

// begin starts the operations that a committed segment wants, in call order.
func (t *turn) begin(seg *runtime.Segment) {
	for _, id := range seg.Cancel {
		t.cancel(id)
	}
	run := t.runs()
	for _, op := range seg.Begin {
		switch op.Kind {
		case runtime.Timer:
			if t.timers == nil {
				t.timers = make(map[uint64]*time.Timer)
			}
			t.timers[op.ID] = time.AfterFunc(op.Wait, func() { t.deliverIn(run, runtime.Result{ID: op.ID}) })
		case runtime.Request:
			t.request(op)
		default:
			t.deliver(runtime.Result{ID: op.ID, Error: &runtime.ScriptError{
				Name: "Error", Message: "unknown operation " + string(op.Kind),
			}})
		}
	}
}

// request asks the device and registers who waits for the reply.
func (t *turn) request(op runtime.Operation) {
	m := t.m
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.session
	if s == nil {
		t.deliver(runtime.Result{ID: op.ID, Error: offline("not connected")})
		return
	}
	m.serial++
	id := "r-" + s.ID() + "-" + strconv.FormatUint(m.serial, 10)
	if m.requests == nil {
		m.requests = make(map[string]uint64)
	}
	m.requests[id] = op.ID
	m.makeRoom()
	if !s.Send(gateway.Delivery{ID: id, Body: op.Command.Body}) {
		delete(m.requests, id)
		t.deliver(runtime.Result{ID: op.ID, Error: backpressure()})
		return
	}
	if t.timers == nil {
		t.timers = make(map[uint64]*time.Timer)
	}
	t.timers[op.ID] = time.AfterFunc(op.Wait, func() { t.expire(id, op) })
}

// expire rejects a request that has waited long enough.
func (t *turn) expire(id string, op runtime.Operation) {
	t.m.mu.Lock()
	_, waits := t.m.requests[id]
	delete(t.m.requests, id)
	t.m.mu.Unlock()
	if waits {
		t.deliver(runtime.Result{ID: op.ID, Error: &runtime.ScriptError{
			Name: runtime.RequestTimeoutError, Message: "no reply within " + op.Wait.String(),
		}})
	}
}

func (t *turn) cancel(op uint64) {
	if timer := t.timers[op]; timer != nil {
		timer.Stop()
		delete(t.timers, op)
	}
}

// stopOperations ends everything that was begun and drops its results.
func (t *turn) stopOperations() {
	for id := range t.timers {
		t.cancel(id)
	}
	t.m.mu.Lock()
	t.m.requests = nil
	t.m.mu.Unlock()
	t.mu.Lock()
	t.run++
	t.results = nil
	t.mu.Unlock()
}

// wait returns the next result. Meanwhile the owner goes on with what is asked
// of it between segments.
func (t *turn) wait(ctx context.Context) (runtime.Result, error) {
	wall := time.NewTimer(time.Until(t.deadline))
	defer wall.Stop()
	for {
		t.m.between()
		if r, ok := t.next(); ok {
			t.cancel(r.ID)
			return r, nil
		}
		select {
		case <-t.wake:
		case <-wall.C:
			return runtime.Result{}, errWall
		case <-ctx.Done():
			return runtime.Result{}, ctx.Err()
		}
	}
}

func (t *turn) next() (runtime.Result, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.results) == 0 {
		return runtime.Result{}, false
	}
	r := t.results[0]
	t.results = t.results[1:]
	return r, true
}

// between runs what was asked of the owner while an event waits.
func (m *Mailbox) between() {
	m.mu.Lock()
	ops := m.ops
	m.ops = nil
	m.mu.Unlock()
	run(ops)
}

// rejectRequests ends all waiting requests with an error. With the lock held.
func (m *Mailbox) rejectRequests(err *runtime.ScriptError) {
	for id, op := range m.requests {
		delete(m.requests, id)
		m.turn.deliver(runtime.Result{ID: op, Error: err})
	}
}

func offline(why string) *runtime.ScriptError {
	return &runtime.ScriptError{Name: runtime.DeviceOfflineError, Message: "device is offline: " + why}
}

func backpressure() *runtime.ScriptError {
	return &runtime.ScriptError{Name: runtime.BackpressureError, Message: "the device's queues are full"}
}
