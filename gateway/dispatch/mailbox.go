package dispatch

import (
	"context"
	"sync"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/runtime"
)

// Bounds of a mailbox. The reserve is used only while a request waits for its
// reply or acknowledgements are outstanding: then the reader must read on.
const (
	mailboxEvents = 64
	mailboxBytes  = 256 << 10
	reserveEvents = 64
	reserveBytes  = 256 << 10
)

// item is an event in a mailbox. The id is the device's own, or "".
type item struct {
	event   runtime.Event
	id      string
	session *gateway.Session // that said it; nil for events of the server
}

func (it *item) size() int { return len(it.event.Payload) + len(it.event.ID) }

// Mailbox holds a device's waiting events and runs them strictly one at a time.
// It owns the device's durable state: everything that changes it goes through
// the owner goroutine, which exists only while there is something to do.
type Mailbox struct {
	d   *Dispatcher
	key device.Key

	mu       sync.Mutex // guards the fields below
	dead     bool       // no longer in the dispatcher's map
	running  bool       // the owner goroutine exists
	session  *gateway.Session
	events   []item
	bytes    int
	ops      []func() // changes asked of the owner, run between segments
	room     chan struct{}
	turn     *turn // of the event that runs, for results
	requests map[string]uint64
	taken    []string // command ids acknowledged since the owner last looked
	unacked  int      // commands sent and not acknowledged
	serial   uint64   // numbers events and requests

	// Owner goroutine only, or whoever holds mu while it does not run.
	state    *state
	attached *gateway.Session // that the outbox drains to; set between segments
	changes  uint64           // counts commits
	script   string           // that the device runs, "" is unknown; with mu
}

// offer queues a message. It blocks while the mailbox is full and returns false
// when ctx ended or the session is no longer the device's.
func (m *Mailbox) offer(ctx context.Context, s *gateway.Session, it item) bool {
	m.mu.Lock()
	for {
		if m.session != s {
			m.mu.Unlock()
			return false
		}
		if m.fits(it.size()) {
			break
		}
		m.rejectRequests(backpressure())
		if m.room == nil {
			m.room = make(chan struct{})
		}
		room := m.room
		m.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		case <-m.d.ctx.Done():
			return false
		}
		m.mu.Lock()
	}
	m.push(it)
	m.mu.Unlock()
	return true
}

// fits says whether an event of this size may be queued now. With the lock held.
func (m *Mailbox) fits(size int) bool {
	events, bytes := m.d.Bounds.MailboxEvents, m.d.Bounds.MailboxBytes
	if len(m.requests) > 0 || m.unacked > 0 {
		events += reserveEvents
		bytes += reserveBytes
	}
	return len(m.events) < events && m.bytes+size <= bytes
}

// push appends an event and wakes the owner. With the lock held.
func (m *Mailbox) push(it item) {
	m.events = append(m.events, it)
	m.bytes += it.size()
	m.start()
}

// post asks the owner to run op between segments. With the lock held.
func (m *Mailbox) post(op func()) {
	m.ops = append(m.ops, op)
	if m.turn != nil {
		m.turn.signal()
	}
	m.start()
}

// start makes the owner goroutine. With the lock held.
func (m *Mailbox) start() {
	if m.running {
		return
	}
	m.running = true
	m.d.busy.add()
	go m.own()
}

// makeRoom lets blocked readers look again. With the lock held.
func (m *Mailbox) makeRoom() {
	if m.room != nil {
		close(m.room)
		m.room = nil
	}
}

// own runs what waits until nothing does. It ends by itself; Dispatcher.Close
// waits for it.
func (m *Mailbox) own() {
	defer m.d.busy.done()
	for {
		m.mu.Lock()
		if len(m.ops) == 0 && (len(m.events) == 0 || m.d.ctx.Err() != nil) {
			m.running = false
			if len(m.events) == 0 {
				m.events = nil
			}
			m.mu.Unlock()
			m.d.cache.rest(m)
			return
		}
		if len(m.ops) > 0 {
			ops := m.ops
			m.ops = nil
			m.mu.Unlock()
			run(ops)
			continue
		}
		it := m.events[0]
		m.events[0] = item{}
		m.events = m.events[1:]
		m.bytes -= it.size()
		m.makeRoom()
		m.mu.Unlock()
		m.handle(it)
	}
}

func run(ops []func()) {
	for _, op := range ops {
		op()
	}
}

// current is the device's session, or nil.
func (m *Mailbox) current() *gateway.Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session
}
