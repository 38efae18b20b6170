package dispatch

import (
	"container/list"
	"sync"
)

// stateCacheBytes bounds the states of all devices that are kept in memory
// between events. Loading again is always right.
const stateCacheBytes = 64 << 20

// stateCache keeps the states of resting mailboxes, the least recently used
// leave first.
type stateCache struct {
	max int

	mu    sync.Mutex // taken before a mailbox's own
	order list.List  // of *cached, newest first
	at    map[*Mailbox]*list.Element
	bytes int
}

type cached struct {
	m    *Mailbox
	size int
}

// rest takes note of a mailbox whose owner has just ended.
func (c *stateCache) rest(m *Mailbox) {
	c.mu.Lock()
	m.mu.Lock()
	if m.running {
		m.mu.Unlock()
		c.mu.Unlock()
		return
	}
	c.note(m)
	var idle []*Mailbox
	if m.state == nil && m.session == nil {
		idle = append(idle, m)
	}
	m.mu.Unlock()
	for e := c.order.Back(); e != nil && c.bytes > c.max; {
		before := e.Prev()
		if victim := e.Value.(*cached).m; c.evict(victim) {
			idle = append(idle, victim)
		}
		e = before
	}
	c.mu.Unlock()
	for _, m := range idle {
		m.d.forget(m)
	}
}

// note enters, moves or removes a mailbox. With both locks held.
func (c *stateCache) note(m *Mailbox) {
	if e := c.at[m]; e != nil {
		c.bytes -= e.Value.(*cached).size
		c.order.Remove(e)
		delete(c.at, m)
	}
	if m.state == nil {
		return
	}
	if c.at == nil {
		c.at = make(map[*Mailbox]*list.Element)
	}
	size := m.state.size()
	c.at[m] = c.order.PushFront(&cached{m, size})
	c.bytes += size
}

// evict drops the state of a resting mailbox, and says whether it did. A state
// with commands under way to a session stays: what was sent is known nowhere
// else.
func (c *stateCache) evict(m *Mailbox) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running || m.state == nil || m.session != nil && !m.state.outbox.Empty() {
		return false
	}
	m.state = nil
	c.note(m)
	return true
}
