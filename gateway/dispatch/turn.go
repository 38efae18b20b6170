package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// errWall abandons an invocation whose wall time is over.
var errWall = errors.New("wall time is over")

// turn is one event under way: the host of its invocation. All but deliver and
// signal belong to the owner goroutine.
type turn struct {
	m      *Mailbox
	it     item
	target *target
	state  *state

	committed bool // the id is stored as running, or the event has taken effect
	cpu       time.Duration
	deadline  time.Time // of the wall limit, from the first segment
	timers    map[uint64]*time.Timer
	failed    error // of the store

	mu      sync.Mutex // guards run and results
	run     int        // counts restarts: results of a lost run are dropped
	results []runtime.Result
	wake    chan struct{} // capacity 1
}

// deliver hands over the result of an operation. It never blocks.
func (t *turn) deliver(r runtime.Result) { t.deliverIn(t.runs(), r) }

// deliverIn is deliver for an operation of one run.
func (t *turn) deliverIn(run int, r runtime.Result) {
	t.mu.Lock()
	if t.run == run {
		t.results = append(t.results, r)
	}
	t.mu.Unlock()
	t.signal()
}

func (t *turn) runs() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.run
}

func (t *turn) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// invocation is what the worker is to run.
func (t *turn) invocation() *runtime.Invocation {
	t.state.expire(t.m.d.millis())
	return &runtime.Invocation{
		Device:   t.m.key.String(),
		DeviceID: t.m.key.ID,
		Project:  t.m.key.Project,
		Version:  t.target.version.UUID,
		Event:    t.it.event,
		KV:       t.state.snapshot(),
		Quota:    t.quota(),
		Limits:   t.m.d.Limits,
	}
}

func (t *turn) quota() runtime.Quota {
	t.m.mu.Lock()
	s := t.m.session
	t.m.mu.Unlock()
	q := runtime.Quota{
		OutboxRows:  max(0, t.m.d.Bounds.OutboxCommands-t.state.outbox.Rows()),
		OutboxBytes: max(0, t.m.d.Bounds.OutboxBytes-t.state.outbox.Bytes()),
		KVKeys:      max(0, t.m.d.Bounds.KVKeys-len(t.state.kv)),
		KVBytes:     max(0, t.m.d.Bounds.KVBytes-t.state.bytes),
		Budget:      max(0, t.m.d.Limits.CPU-t.cpu),
		Wall:        t.m.d.Limits.Wall,
	}
	if s != nil {
		q.Connected, q.Acks = true, s.Acks()
	}
	if !t.deadline.IsZero() {
		q.Wall = max(0, time.Until(t.deadline))
	}
	return q
}

// Read answers from the state as the segment began.
func (t *turn) Read(r runtime.Read) runtime.ReadResult { return t.state.read(r) }

// Restart drops what the lost run had begun; nothing of it has taken effect.
func (t *turn) Restart() *runtime.Invocation {
	t.stopOperations()
	t.cpu, t.deadline = 0, time.Time{}
	return t.invocation()
}

// Segment commits what the script did, lets it take effect, and waits for the
// next result where the script does.
func (t *turn) Segment(ctx context.Context, seg *runtime.Segment) (*runtime.Resume, error) {
	t.cpu += seg.CPU
	if err := t.settle(ctx, seg); err != nil {
		t.failed = err
		return nil, err
	}
	if seg.Outcome != nil {
		return nil, nil
	}
	if t.deadline.IsZero() {
		t.deadline = time.Now().Add(t.m.d.Limits.Wall)
	}
	seen := t.m.changes
	t.begin(seg)
	result, err := t.wait(ctx)
	if err != nil {
		return nil, err
	}
	res := &runtime.Resume{Result: result}
	if t.state, err = t.m.load(ctx); err != nil { // a failed write of somebody else's dropped it
		t.failed = err
		return nil, err
	}
	t.state.expire(t.m.d.millis())
	if t.m.changes != seen || len(seg.KV) > 0 {
		snap := t.state.snapshot()
		res.KV = &snap
	}
	res.Quota = t.quota()
	return res, nil
}

// record is what the segment leaves in the log, or nil.
func (t *turn) record(seg *runtime.Segment) *logs.Record {
	failed := seg.Outcome != nil && seg.Outcome.Error != nil
	if len(seg.Lines) == 0 && !failed {
		return nil
	}
	rec := &logs.Record{
		Device:  t.m.key,
		Script:  t.target.version.Script.Name,
		Version: t.target.version.Number,
		EventID: t.it.event.ID,
		Kind:    t.it.event.Kind,
		At:      t.m.d.millis(),
		Lines:   seg.Lines,
	}
	if failed {
		rec.Error = seg.Outcome.Error
		rec.Outcome = true
	}
	return rec
}
