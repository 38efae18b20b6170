package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// Session is one live connection of one device. An idle one is its connection,
// the goroutine that reads it and this; queues exist while they hold something.
type Session struct {
	hub        *Hub
	conn       Conn
	codec      wire.Codec
	can        wire.Capabilities
	key        device.Key
	credential string
	id         string
	remote     string
	generation uint64
	born       time.Time
	ctx        context.Context // ends with the session
	cancel     context.CancelFunc

	acks atomic.Bool
	// heard is when the last frame came in, in nanoseconds of the hub; 0 while the
	// reader is not reading.
	heard atomic.Int64

	// The reader holds turn while it speaks to the Inbox. Nobody does once deaf is
	// set, so that Closed comes last.
	turn     sync.Mutex
	deaf     bool
	ready    bool
	greeted  bool // has said hello
	spoken   bool // has said anything else that was taken
	refusals *refusals

	mu     sync.Mutex // guards the fields below
	over   bool
	out    queue
	ping   time.Time // when the next is due
	hello  time.Time // until when a hello must come, zero for none
	ack    time.Time // until when the oldest command must be acknowledged
	alarm  Alarm
	next   time.Time      // what the alarm is set to
	gone   chan struct{}  // closed when the Inbox has heard of the end
	errand sync.WaitGroup // goroutines that serve this session; added to with mu, until over
}

func newSession(h *Hub, a Admission, c Conn, generation uint64, id string) *Session {
	s := &Session{
		hub:        h,
		conn:       c,
		codec:      a.Dialect.New(h.limits),
		can:        a.Dialect.Capabilities(),
		key:        a.Key,
		credential: a.Credential,
		id:         id,
		remote:     a.Remote,
		generation: generation,
		gone:       make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	now := time.Now()
	s.born = now
	s.ping = now.Add(h.limits.Ping)
	if a.HelloFirst {
		s.hello = now.Add(h.limits.HelloAfter)
	}
	s.alarm.Ring = s.ring
	s.turn.Lock() // until open
	return s
}

// Key names the device.
func (s *Session) Key() device.Key { return s.key }

// ID is unique among all sessions of all times.
func (s *Session) ID() string { return s.id }

// Generation grows with every session that the hub binds.
func (s *Session) Generation() uint64 { return s.generation }

// Acks reports whether the device acknowledges commands. It may become true
// once, by a hello.
func (s *Session) Acks() bool { return s.acks.Load() }

// open says welcome, ends the session that this one replaces, and is ready at
// once unless a hello must come first.
func (s *Session) open(old *Session) {
	defer s.turn.Unlock()
	s.say(wire.Welcome{Device: s.key.ID, Session: s.id, Time: time.Now(), Limits: s.hub.limits})
	if old != nil {
		old.end(ending{code: wire.CloseReplaced, reason: "replaced by a newer session"})
	}
	s.touch()
	s.mu.Lock()
	waits := !s.hello.IsZero()
	s.schedule()
	s.mu.Unlock()
	s.hub.log.Debug("session bound", "device", s.key.String(), "session", s.id, "remote", s.remote)
	if !waits {
		s.start()
	}
}

// start makes the session ready. With the turn held.
func (s *Session) start() {
	s.mu.Lock()
	s.hello = time.Time{}
	over := s.over
	s.mu.Unlock()
	if over {
		return
	}
	s.ready = true
	s.heard.Store(0)
	s.hub.inbox.Ready(s.ctx, s)
}

// ended reports whether the session is over or about to be.
func (s *Session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}
