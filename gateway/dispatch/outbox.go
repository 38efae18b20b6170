package dispatch

import (
	"context"
	"strconv"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/runtime"
)

// Time rules of waiting commands.
const (
	defaultTTL = time.Hour
	maxTTL     = 7 * 24 * time.Hour
	ackWait    = 30 * time.Second // oldest unacknowledged on a live socket
	ackWindow  = 16               // unacknowledged at once
)

func commandID(row int64) string { return "c-" + strconv.FormatInt(row, 10) }

// expiry is when a command given now with this time to live is over.
func (m *Mailbox) expiry(ttl time.Duration) int64 {
	if ttl <= 0 {
		ttl = m.d.Bounds.CommandTTL
	}
	return m.d.millis() + min(ttl, m.d.Bounds.CommandTTLMax).Milliseconds()
}

// queue adds a command to a change. It replaces the one of the same key that
// still waits, stored or in this very change.
func (m *Mailbox) queue(changes []OutboxChange, cmd runtime.Command) []OutboxChange {
	add := OutboxChange{Verb: Add, Stored: Stored{
		Body: cmd.Body, Key: cmd.Key, Expires: m.expiry(cmd.TTL), Durable: cmd.Durable,
	}}
	if cmd.Key == "" {
		return append(changes, add)
	}
	for i := range changes {
		if changes[i].Stored.Key == cmd.Key && (changes[i].Verb == Add || changes[i].Verb == Replace) {
			add.Verb, add.Old = changes[i].Verb, changes[i].Old
			return append(append(changes[:i:i], changes[i+1:]...), add)
		}
	}
	if row, waits := m.state.outbox.Keyed(cmd.Key); waits {
		add.Verb, add.Old = Replace, row
	}
	return append(changes, add)
}

// queue makes committed outbox changes visible.
func (st *state) queue(changes []OutboxChange) {
	for _, c := range changes {
		switch c.Verb {
		case Add, Replace:
			if c.Verb == Replace {
				st.outbox.Remove(c.Old)
			}
			st.outbox.Add(gateway.Waiting{Row: c.Row, Body: c.Body, Key: c.Key, Expires: c.Expires, Durable: c.Durable})
		default:
			st.outbox.Remove(c.Row)
		}
	}
}

// say hands direct commands to the session. What it no longer takes goes to the
// outbox.
func (m *Mailbox) say(direct []gateway.Delivery) {
	if len(direct) == 0 {
		return
	}
	s := m.current()
	for i, d := range direct {
		if s == nil || !s.Send(d) {
			m.keep(direct[i:])
			return
		}
	}
}

// keep stores commands that could not be written, as far as it can.
func (m *Mailbox) keep(unwritten []gateway.Delivery) {
	ctx := m.d.ctx
	var c Change
	now := m.d.millis()
	for _, d := range unwritten {
		if d.Row == 0 && d.ID == "" && d.Expires > now {
			c.Outbox = append(c.Outbox, OutboxChange{Verb: Add, Stored: Stored{Body: d.Body, Key: d.Key, Expires: d.Expires}})
		}
	}
	if len(c.Outbox) == 0 {
		return
	}
	if _, err := m.load(ctx); err != nil {
		m.d.Log.Warn("unwritten commands lost", "device", m.key.String(), "count", len(c.Outbox), "error", err)
		return
	}
	if err := m.commit(ctx, &c); err != nil {
		m.d.Log.Warn("unwritten commands lost", "device", m.key.String(), "count", len(c.Outbox), "error", err)
	}
}

// attach starts the drain of the outbox to a new session.
func (m *Mailbox) attach(s *gateway.Session) {
	if m.current() != s {
		return
	}
	m.attached = s
	if _, err := m.load(m.d.ctx); err != nil {
		m.d.Log.Warn("outbox not drained", "device", m.key.String(), "error", err)
		return
	}
	m.state.outbox.Reset()
	m.drain()
}

// detach takes back what the ended session did not write.
func (m *Mailbox) detach(unwritten []gateway.Delivery) {
	m.attached = nil
	m.keep(unwritten)
	if m.state != nil {
		m.state.outbox.Reset()
	}
}

// nudge asks the owner to take acknowledged commands off. With the lock held.
func (m *Mailbox) nudge(s *gateway.Session) {
	if len(m.taken) == 1 {
		m.post(func() { m.takeOff(s) })
	}
}

// takeOff removes the acknowledged commands, in one change, and sends on.
func (m *Mailbox) takeOff(s *gateway.Session) {
	m.mu.Lock()
	taken := m.taken
	m.taken = nil
	m.mu.Unlock()
	if _, err := m.load(m.d.ctx); err != nil {
		return // they stay and are delivered again
	}
	var c Change
	for _, id := range taken {
		if row, known := m.state.outbox.Find(id); known {
			c.Outbox = append(c.Outbox, OutboxChange{Verb: Acknowledge, Stored: Stored{Row: row}})
		}
	}
	if len(c.Outbox) > 0 {
		if err := m.commit(m.d.ctx, &c); err != nil {
			m.d.Log.Warn("acknowledgement not stored", "device", m.key.String(), "error", err)
			return
		}
	}
	m.drain()
}

// drain sends what the window allows and drops what is too old. Owner goroutine
// only, with the state loaded.
func (m *Mailbox) drain() {
	st := m.state
	if st == nil || st.outbox.Empty() {
		m.outstanding(nil, nil)
		return
	}
	m.expireCommands(m.d.ctx)
	s := m.current()
	if m.state == nil || s == nil || s != m.attached {
		return
	}
	for _, w := range st.outbox.Next(m.d.Bounds.AckWindow, m.d.Now()) {
		d := gateway.Delivery{Row: w.Row, Body: w.Body, Key: w.Key, Expires: w.Expires}
		if s.Acks() {
			d.ID = commandID(w.Row)
		}
		if !s.Send(d) {
			st.outbox.Unsend(w.Row)
		}
	}
	m.outstanding(s, st)
}

// outstanding tells the session and the mailbox's reader what is under way.
func (m *Mailbox) outstanding(s *gateway.Session, st *state) {
	n := 0
	if s != nil {
		n = st.outbox.Sent()
		due := time.Time{}
		if n > 0 && s.Acks() {
			due = st.outbox.Oldest().Add(m.d.Bounds.AckWait)
		}
		s.AckDue(due)
	} else if s = m.current(); s != nil {
		s.AckDue(time.Time{})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > m.unacked {
		m.makeRoom()
	}
	m.unacked = n
}

// expireCommands drops the commands whose time is over.
func (m *Mailbox) expireCommands(ctx context.Context) {
	rows := m.state.outbox.Expired(m.d.millis())
	if len(rows) == 0 {
		return
	}
	var c Change
	for _, row := range rows {
		c.Outbox = append(c.Outbox, OutboxChange{Verb: Expire, Stored: Stored{Row: row}})
	}
	if err := m.commit(ctx, &c); err != nil {
		m.d.Log.Warn("expired commands not dropped", "device", m.key.String(), "error", err)
	}
}
