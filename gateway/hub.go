package gateway

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// A drain closes this many sessions a second, or more where it would take longer
// than drainTime.
const (
	drainRate = 200
	drainTime = 10 * time.Second
	drainStep = 50 * time.Millisecond
)

// Config is what a Hub is made of. Zero Limits are the defaults; without a Log
// nothing is logged.
type Config struct {
	Inbox    Inbox
	Presence Presence // called with the hub's lock held: must not call back
	Limits   wire.Limits
	Log      *slog.Logger
}

// Admission is a connection that was let in: whose it is and what it speaks.
type Admission struct {
	Key     device.Key
	Dialect wire.Dialect
	// Credential is what let it in, "" where nothing can be revoked. Checked is a
	// moment before it was found valid.
	Credential string
	Checked    time.Time
	// HelloFirst makes the session ready only after a hello.
	HelloFirst bool
	Remote     string // address, for the log
}

// Hub knows the live session of every connected device, at most one of each: the
// newest wins.
type Hub struct {
	inbox    Inbox
	presence Presence
	limits   wire.Limits
	log      *slog.Logger
	wheel    Wheel
	epoch    time.Time // what Session.heard counts from
	tally    tally

	mu         sync.RWMutex // guards the fields below
	sessions   map[device.Key]*Session
	generation uint64
	serving    int           // Serve calls that have not returned
	idle       chan struct{} // with draining: closed when serving is 0
	draining   bool
	barred     barred
}

// NewHub makes a hub without sessions. It has nothing that needs closing.
func NewHub(c Config) *Hub {
	if c.Limits == (wire.Limits{}) {
		c.Limits = wire.DefaultLimits()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Hub{
		inbox:    c.Inbox,
		presence: c.Presence,
		limits:   c.Limits,
		log:      c.Log,
		epoch:    time.Now(),
		sessions: make(map[device.Key]*Session),
		idle:     make(chan struct{}),
	}
}

// Serve is the whole life of a connection: it binds a session, reads until the
// connection ends, and returns when the Inbox has heard of the end and the
// connection is closed. The end of ctx closes it with 1001.
func (h *Hub) Serve(ctx context.Context, a Admission, c Conn) {
	s, old, no := h.bind(a, c)
	if s == nil {
		c.Close(no.code, no.reason)
		return
	}
	defer h.left()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { s.Close(wire.CloseAway, "server is going away") })
		defer stop()
	}
	s.open(old)
	s.read()
	s.wait()
}

// bind makes the connection's session the device's and returns the one it
// replaces, or says why there is to be none: the hub drains, or what let it in
// was revoked meanwhile.
func (h *Hub) bind(a Admission, c Conn) (s, old *Session, no ending) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, nil, ending{code: wire.CloseRestart, reason: "server is restarting"}
	}
	if no, is := h.barred.find(a); is {
		return nil, nil, no
	}
	h.generation++
	h.serving++
	h.tally.opened.Add(1)
	s = newSession(h, a, c, h.generation, rand.Text()[:16])
	old = h.sessions[a.Key]
	h.sessions[a.Key] = s
	if h.presence != nil {
		h.presence.Online(a.Key, time.Now().UnixMilli())
	}
	return s, old, ending{}
}

// replaced reports whether a newer session took the place of s.
func (h *Hub) replaced(s *Session) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.sessions[s.key] != s
}

// unbind forgets an ended session.
func (h *Hub) unbind(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[s.key] != s {
		return
	}
	delete(h.sessions, s.key)
	if h.presence != nil {
		h.presence.Offline(s.key, time.Now().UnixMilli())
	}
}

// left says that a Serve call returns.
func (h *Hub) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serving--
	h.checkIdle()
}

func (h *Hub) checkIdle() {
	if h.draining && h.serving == 0 {
		close(h.idle)
	}
}

// Session returns the device's live session, or nil.
func (h *Hub) Session(key device.Key) *Session {
	h.mu.RLock()
	s := h.sessions[key]
	h.mu.RUnlock()
	if s == nil || s.ended() {
		return nil
	}
	return s
}

// Connected reports whether the device has a live session.
func (h *Hub) Connected(key device.Key) bool { return h.Session(key) != nil }

// Count is the number of connected devices.
func (h *Hub) Count() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.sessions)
}

// Disconnect closes the device's session and reports whether there was one. It
// does not wait for the end.
func (h *Hub) Disconnect(key device.Key, code wire.CloseCode, reason string) bool {
	s := h.Session(key)
	if s != nil {
		s.Close(code, reason)
	}
	return s != nil
}

// Drain refuses new connections and closes the others with 1012: at least 200 a
// second, never over more than ten seconds. It returns when every Serve has
// returned. When ctx ends it drops what remains and returns ctx's error.
func (h *Hub) Drain(ctx context.Context) error {
	left := h.refuse()
	step := max(1, len(left)/int(drainTime/drainStep)+1, int(drainRate*drainStep/time.Second))
	pace := time.NewTicker(drainStep)
	defer pace.Stop()
	for len(left) > 0 && ctx.Err() == nil {
		n := min(step, len(left))
		for _, s := range left[:n] {
			s.Close(wire.CloseRestart, "server is restarting")
		}
		if left = left[n:]; len(left) > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	}
	select {
	case <-h.idle:
		return nil
	case <-ctx.Done():
	}
	for _, s := range h.live() {
		s.conn.Drop()
	}
	return ctx.Err()
}

// refuse lets nobody in from now on and returns who is there.
func (h *Hub) refuse() []*Session {
	h.mu.Lock()
	if !h.draining {
		h.draining = true
		h.checkIdle()
	}
	h.mu.Unlock()
	return h.live()
}

func (h *Hub) live() []*Session {
	h.mu.RLock()
	defer h.mu.RUnlock()
	live := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		live = append(live, s)
	}
	return live
}
