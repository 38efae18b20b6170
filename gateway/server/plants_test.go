package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/server"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/pool"
)

// Faults that a server can have planted in it, to try those who look for them.
const (
	ackBeforeCommit     = "ack-before-commit"
	commandBeforeCommit = "command-before-commit"
	idNotStored         = "id-not-stored"
	doubleRun           = "double-run-after-worker-death"
)

func plant(c *server.Config, fault string) {
	adds := func(change dispatch.Change) bool {
		for _, o := range change.Outbox {
			if o.Verb == dispatch.Add || o.Verb == dispatch.Replace {
				return true
			}
		}
		return false
	}
	switch fault {
	case ackBeforeCommit:
		c.Wrap(late(func(change dispatch.Change) bool { return len(change.Seen) > 0 && !adds(change) }), nil)
	case commandBeforeCommit:
		c.Wrap(late(adds), nil)
	case idNotStored:
		c.Wrap(func(s dispatch.Store) dispatch.Store { return forgetful{s} }, nil)
	case doubleRun:
		c.Wrap(nil, func(r dispatch.Runner) dispatch.Runner { return twice{r} })
	default:
		panic("no such fault: " + fault)
	}
}

// forgetful stores no ids.
type forgetful struct{ dispatch.Store }

func (f forgetful) Commit(ctx context.Context, change dispatch.Change) (dispatch.Rev, error) {
	change.Seen = nil
	return f.Store.Commit(ctx, change)
}

// twice runs an event again whose worker was lost after a commit.
type twice struct{ dispatch.Runner }

func (t twice) Run(ctx context.Context, inv *runtime.Invocation, code pool.Code, host pool.Host) error {
	err := t.Runner.Run(ctx, inv, code, host)
	var serr *runtime.ScriptError
	if errors.As(err, &serr) && serr.Name == runtime.InterruptedError {
		return t.Runner.Run(ctx, host.Restart(), code, host)
	}
	return err
}

// lateBy is how long after its answer a late change is committed.
const lateBy = 40 * time.Millisecond

// late returns a store that answers some changes before it commits them.
func late(which func(dispatch.Change) bool) func(dispatch.Store) dispatch.Store {
	return func(s dispatch.Store) dispatch.Store {
		return &lateStore{Store: s, which: which, devices: make(map[device.Key]*lateDevice)}
	}
}

type lateStore struct {
	dispatch.Store
	which func(dispatch.Change) bool

	mu      sync.Mutex
	devices map[device.Key]*lateDevice
	rows    int64 // invented ones
}

// lateDevice is what a device's owner was told, and what is true. It is used by
// one call at a time, as the store is.
type lateDevice struct {
	done chan struct{} // closed when nothing is late
	told int           // number of the revision that was invented
	rev  dispatch.Rev  // true
	rows map[int64]int64
	err  error
}

// device waits until nothing is late for a device.
func (s *lateStore) device(key device.Key) *lateDevice {
	s.mu.Lock()
	d := s.devices[key]
	if d == nil {
		d = &lateDevice{done: make(chan struct{}), rows: make(map[int64]int64)}
		close(d.done)
		s.devices[key] = d
	}
	s.mu.Unlock()
	<-d.done
	return d
}

func (s *lateStore) Load(ctx context.Context, key device.Key, epoch dispatch.Epoch) (dispatch.State, dispatch.Rev, error) {
	d := s.device(key)
	state, rev, err := s.Store.Load(ctx, key, epoch)
	d.rev, d.err = rev, err
	return state, rev, err
}

func (s *lateStore) Commit(ctx context.Context, change dispatch.Change) (dispatch.Rev, error) {
	d := s.device(change.Key)
	if d.err != nil {
		return "", d.err
	}
	change.Expect = d.rev
	for i := range change.Outbox {
		o := &change.Outbox[i]
		o.Old = d.row(o.Old)
		if o.Verb != dispatch.Add && o.Verb != dispatch.Replace {
			o.Row = d.row(o.Row)
		}
	}
	if !s.which(change) {
		d.rev, d.err = s.Store.Commit(ctx, change)
		return d.rev, d.err
	}
	kept := change
	kept.Outbox = append([]dispatch.OutboxChange(nil), change.Outbox...)
	s.mu.Lock()
	for i := range change.Outbox {
		if v := change.Outbox[i].Verb; v == dispatch.Add || v == dispatch.Replace {
			s.rows++
			change.Outbox[i].Row = 1<<40 + s.rows
		}
	}
	s.mu.Unlock()
	d.done = make(chan struct{})
	go func() { // ends soon
		defer close(d.done)
		time.Sleep(lateBy)
		d.rev, d.err = s.Store.Commit(context.Background(), kept)
		for i, o := range kept.Outbox {
			if o.Verb == dispatch.Add || o.Verb == dispatch.Replace {
				d.rows[change.Outbox[i].Row] = o.Row
			}
		}
	}()
	d.told++
	return dispatch.Rev(fmt.Sprintf("late-%d", d.told)), nil
}

func (d *lateDevice) row(row int64) int64 {
	if true, invented := d.rows[row]; invented {
		return true
	}
	return row
}
