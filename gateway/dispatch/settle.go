package dispatch

import (
	"context"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/runtime"
)

// settle makes a segment durable and then lets it take effect: its commands
// leave in call order, then the acknowledgement of the message.
func (t *turn) settle(ctx context.Context, seg *runtime.Segment) error {
	m := t.m
	c := Change{KV: t.kvChanges(seg), Log: t.record(seg)}
	direct := t.sort(seg, &c)
	t.mark(seg, &c)
	if durable(&c) {
		if c.Log != nil {
			c.Log.Outcome = seg.Outcome != nil
		}
		if err := m.commit(ctx, &c); err != nil {
			return err
		}
		t.committed = true
	} else if c.Log != nil {
		m.d.Lines.Append(*c.Log)
	}
	if seg.Outcome != nil {
		m.d.tally.ended(t.it.event.Kind, seg.Outcome.Error)
	}
	m.say(direct)
	m.drain()
	if seg.Outcome != nil && t.it.id != "" {
		last := c.Seen[len(c.Seen)-1]
		m.acknowledge(t.it, last.Status, last.Ack)
	}
	return nil
}

// durable says whether a change asks for anything but lines.
func durable(c *Change) bool {
	return len(c.Seen) > 0 || len(c.KV) > 0 || len(c.Outbox) > 0 || c.Ran != "" ||
		c.Log != nil && c.Log.Error != nil
}

func (t *turn) kvChanges(seg *runtime.Segment) []KVChange {
	if len(seg.KV) == 0 {
		return nil
	}
	now := t.m.d.millis()
	changes := make([]KVChange, len(seg.KV))
	for i, w := range seg.KV {
		changes[i] = KVChange{KV: KV{Key: w.Key, Value: w.Value}, Delete: w.Delete}
		if w.TTL > 0 {
			changes[i].Expires = now + w.TTL.Milliseconds()
		}
	}
	return changes
}

// sort decides which commands go straight to the session and which are rows of
// the same transaction.
func (t *turn) sort(seg *runtime.Segment, c *Change) (direct []gateway.Delivery) {
	if len(seg.Commands) == 0 {
		return nil
	}
	m := t.m
	s := m.current()
	straight := s != nil && s == m.attached && !s.Acks() && t.state.outbox.Empty()
	frames, bytes := 0, 0
	if straight {
		frames, bytes = s.Room()
	}
	for _, cmd := range seg.Commands {
		frames, bytes = frames-1, bytes-len(cmd.Body)
		straight = straight && !cmd.Durable && frames >= 0 && bytes >= 0
		if straight {
			direct = append(direct, gateway.Delivery{Body: cmd.Body, Key: cmd.Key, Expires: m.expiry(cmd.TTL)})
			continue
		}
		c.Outbox = m.queue(c.Outbox, cmd)
	}
	return direct
}

// mark adds what the store must know of the message's id and of the version
// that ran.
func (t *turn) mark(seg *runtime.Segment, c *Change) {
	id, now := t.it.id, t.m.d.millis()
	switch {
	case seg.Outcome == nil:
		if id != "" && !t.committed && commits(seg) {
			c.Seen = []Seen{{ID: id, Status: seenRunning, At: now}}
		}
		return
	case id == "":
	case seg.Outcome.Error != nil:
		c.Seen = []Seen{{ID: id, Status: seenError, Ack: errorAck(seg.Outcome.Error), At: now}}
	default:
		c.Seen = []Seen{{ID: id, Status: seenOk, At: now}}
	}
	if t.state.ran != t.target.version.UUID {
		c.Ran = t.target.version.UUID
	}
	c.Forget = t.state.seen.stale(t.m.d.Now())
}

// commits says whether a wait makes the event one that may not run again: it
// has effects, or something outside is begun. Timers alone do not count.
func commits(seg *runtime.Segment) bool {
	if len(seg.KV) > 0 || len(seg.Commands) > 0 || len(seg.Lines) > 0 {
		return true
	}
	for _, op := range seg.Begin {
		if op.Kind != runtime.Timer {
			return true
		}
	}
	return false
}

// commit makes a change durable and then visible in the state. After an error
// the state is loaded anew. Owner goroutine only.
func (m *Mailbox) commit(ctx context.Context, c *Change) error {
	st := m.state
	c.Key, c.Epoch, c.Expect = m.key, m.d.Epoch, st.rev
	rev, err := m.d.Store.Commit(context.WithoutCancel(ctx), *c)
	if err != nil {
		m.mu.Lock()
		m.state = nil
		m.mu.Unlock()
		return err
	}
	st.rev = rev
	st.apply(c.KV)
	for _, s := range c.Seen {
		st.seen.put(s)
	}
	st.seen.forget(len(c.Forget))
	if c.Ran != "" {
		st.ran = c.Ran
	}
	st.queue(c.Outbox)
	m.changes++
	return nil
}
