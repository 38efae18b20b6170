package pool

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tendril-run/tendril/runtime/worker"
)

// Each of these takes one kind of frame. They check that it may be said now; what
// a turn came to is taken apart and judged by the call itself.

// about finds the call that a frame is about. Only a call whose turn is in the
// worker's hands can be spoken of. With the lock held.
func (ch *child) about(id uint64) (*call, error) {
	c := ch.calls[id]
	if c == nil || !c.turning {
		return nil, fmt.Errorf("%w: no turn of event %d", worker.ErrFrame, id)
	}
	ch.heard = time.Now()
	return c, nil
}

// turned takes the end of a turn.
func (ch *child) turned(kind worker.Kind, body []byte) error {
	id, rest, err := worker.PeekID(body)
	if err != nil {
		return err
	}
	ch.mu.Lock()
	c, err := ch.about(id)
	if err != nil {
		ch.mu.Unlock()
		return err
	}
	slow, lone := c.slow, c.lone
	c.turning, c.replied, c.slow = false, true, false
	if !c.cancelled {
		c.mail <- message{kind: kind, body: bytes.Clone(rest), took: ch.heard.Sub(c.sent)}
	}
	ch.mu.Unlock()
	ch.pool.tally.turns.Add(1)
	if slow || lone {
		ch.pool.turned(ch, slow)
	}
	return nil
}

// slowed takes the report that a turn goes on.
func (ch *child) slowed(body []byte) error {
	id, rest, err := worker.PeekID(body)
	if err != nil {
		return err
	}
	if _, err := worker.DecodeSlow(rest); err != nil || ch.trial {
		return err
	}
	ch.mu.Lock()
	c, err := ch.about(id)
	if err != nil || c.slow {
		ch.mu.Unlock()
		return err
	}
	c.slow, c.replied = true, true
	ch.mu.Unlock()
	ch.pool.slowed(ch)
	return nil
}

// overran takes the worker's own word that it must be killed.
func (ch *child) overran(body []byte) error {
	o, err := worker.DecodeOverrun(body)
	if err != nil {
		return err
	}
	if !ch.trial {
		ch.mu.Lock()
		_, err = ch.about(o.ID)
		ch.mu.Unlock()
		if err != nil {
			return err
		}
	}
	if o.Rule == worker.Memory {
		ch.kill(ending{rule: memory})
	} else {
		ch.kill(ending{rule: overrun, guilty: o.ID, cpu: o.CPU})
	}
	return nil
}

// revoked takes back events that were not begun and places them elsewhere.
func (ch *child) revoked(body []byte) error {
	ids, err := worker.DecodeRevoked(body)
	if err != nil {
		return err
	}
	moved := make([]*call, 0, len(ids))
	ch.mu.Lock()
	for _, id := range ids {
		c := ch.calls[id]
		if c == nil || !c.turning || c.replied {
			err = fmt.Errorf("%w: event %d cannot be revoked", worker.ErrFrame, id)
			break
		}
		if !c.cancelled { // else it is still to be dropped
			c.turning = false
			delete(ch.calls, id)
			moved = append(moved, c)
		}
	}
	ch.mu.Unlock()
	ch.pool.moved(ch, moved)
	return err
}

// dropped takes the end of an abandoned call.
func (ch *child) dropped(body []byte) error {
	id, rest, err := worker.PeekID(body)
	if err != nil {
		return err
	}
	ch.mu.Lock()
	c := ch.calls[id]
	if c == nil || !c.cancelled || len(rest) > 0 {
		ch.mu.Unlock()
		return fmt.Errorf("%w: event %d was not cancelled", worker.ErrFrame, id)
	}
	delete(ch.calls, id)
	slow := c.slow
	ch.mu.Unlock()
	if slow {
		ch.pool.turned(ch, true)
	}
	ch.pool.leave(ch, c)
	return nil
}
