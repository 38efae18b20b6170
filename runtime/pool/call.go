package pool

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
)

// call is one invocation from Run to its return.
type call struct {
	host  Host
	code  Code
	mail  chan message // from the worker; holds all that can come before it is read
	claim claim

	// Owned by Run, and by nobody else until the call is placed again.
	inv       *runtime.Invocation
	committed bool // it has taken effect: it cannot run again
	deaths    int  // workers lost under it
	lone      bool // a suspect: it runs alone

	// Guarded by the pool's lock.
	child     *child // nil: in line
	program   *loaded
	abandoned bool

	// Guarded by the child's lock.
	id        uint64
	turning   bool // its turn is in the worker's hands
	sent      time.Time
	replied   bool // the worker has spoken of it
	slow      bool
	cancelled bool
	unwait    context.CancelFunc // ends the host's wait, when the worker is lost
}

// message is what the worker, or its loss, says to a call.
type message struct {
	kind worker.Kind
	body []byte        // of a segment or reads, its id taken
	took time.Duration // wall time since the turn was sent
	lost *loss         // the worker is lost, nothing else
}

// Run runs an event. It blocks until the invocation has settled, the host
// abandoned it or ctx ended (then the worker is told to cancel it). A
// *runtime.ScriptError tells how the runtime itself ended an event that cannot
// run again: killed turn, lost worker. While all workers are full it waits in
// line, fairly among projects.
func (p *Pool) Run(ctx context.Context, inv *runtime.Invocation, code Code, host Host) error {
	c := &call{host: host, code: code, inv: inv, mail: make(chan message, 2)}
	c.claim.limits = inv.Limits
	if err := p.place(c); err != nil {
		return err
	}
	for {
		select {
		case m := <-c.mail:
			over, err := p.attend(ctx, c, m)
			if over {
				return err
			}
		case <-ctx.Done():
			p.abandon(c)
			return ctx.Err()
		}
	}
}

// attend does what one message asks for. It says when the call is over.
func (p *Pool) attend(ctx context.Context, c *call, m message) (over bool, err error) {
	if m.lost != nil {
		if err := c.bereaved(m.lost); err != nil {
			return true, err
		}
		if err := p.place(c); err != nil {
			return true, err
		}
		return false, nil
	}
	c.claim.took += m.took
	switch m.kind {
	case worker.KindReads:
		reads, err := worker.DecodeReads(m.body)
		if err == nil {
			err = c.claim.reads(reads)
		}
		if err != nil {
			c.child.kill(ending{rule: malformed, err: err})
			return false, nil
		}
		c.child.answer(c, answers(c.host, reads))
		return false, nil
	default:
		segment, err := worker.DecodeSegment(m.body)
		if err == nil {
			err = c.claim.segment(segment)
		}
		if err != nil {
			c.child.kill(ending{rule: malformed, err: err})
			return false, nil
		}
		return p.segment(ctx, c, segment)
	}
}

func answers(host Host, reads []runtime.Read) []runtime.ReadResult {
	results := make([]runtime.ReadResult, len(reads))
	for i, r := range reads {
		results[i] = host.Read(r)
		results[i].ID = r.ID
	}
	return results
}

// segment hands a segment to the host, and its resume to the worker.
func (p *Pool) segment(ctx context.Context, c *call, s *runtime.Segment) (over bool, err error) {
	ch := c.child
	if s.Outcome != nil {
		ch.remove(c)
		p.leave(ch, c)
		_, err := c.host.Segment(ctx, s)
		return true, err
	}
	wait, end := context.WithCancel(ctx)
	defer end()
	if !ch.await(c, end) {
		return false, nil // the loss is in the mail; nothing of the segment took effect
	}
	c.committed = c.committed || binds(s)
	resume, err := c.host.Segment(wait, s)
	switch {
	case ctx.Err() == nil && wait.Err() != nil:
		return false, nil // the worker was lost meanwhile, as the mail says
	case err != nil:
		p.abandon(c)
		return true, err
	case resume == nil:
		p.abandon(c)
		return true, errNoResume
	}
	c.claim.resume(resume)
	ch.resume(c, resume)
	return false, nil
}

var errNoResume = errors.New("pool: host gave no resume for a waiting event")

// binds says whether a segment keeps its event from running again: only a wait
// on timers alone, with nothing to be committed, does not.
func binds(s *runtime.Segment) bool {
	for i := range s.Begin {
		if s.Begin[i].Kind != runtime.Timer {
			return true
		}
	}
	return len(s.KV) > 0 || len(s.Commands) > 0 || len(s.Lines) > 0
}

// await registers what ends the host's wait. It is false if the worker is gone.
func (ch *child) await(c *call, end context.CancelFunc) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end != nil {
		return false
	}
	c.unwait = end
	return true
}
