package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Codes of refusals that the session makes itself.
const (
	codeHelloFirst = "hello_first"
	codeBadHello   = "bad_hello"
)

// read hears frames until the connection or the session ends. It is the reader
// goroutine.
func (s *Session) read() {
	if w, ok := s.conn.(Watched); ok {
		w.OnActivity(s.touch)
	}
	for {
		s.touch()
		f, err := s.conn.Read(context.Background())
		s.heard.Store(0)
		if err != nil {
			s.end(lost(err))
			return
		}
		s.hub.tally.heard(f)
		if e, over := s.hear(f); over {
			s.end(e)
			return
		}
	}
}

// touch notes that a frame came in.
func (s *Session) touch() { s.heard.Store(int64(time.Since(s.hub.epoch)) + 1) }

// lost is the ending after a failed read. A code that is still to be said is
// said; everything else leaves nothing to say.
func lost(err error) ending {
	var closed CloseError
	if errors.As(err, &closed) {
		if closed.Peer { // what it said is not ours to repeat
			return ending{code: closed.Code}
		}
		return ending{code: closed.Code, reason: closed.Reason}
	}
	return ending{}
}

// hear takes one frame in. It returns true when the session is to end, or has.
func (s *Session) hear(f wire.Frame) (ending, bool) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.deaf || s.ended() {
		return ending{}, true
	}
	if f.Binary != s.can.Binary {
		return ending{code: wire.CloseUnsupported, reason: "frames of this dialect are " + kind(s.can.Binary)}, true
	}
	switch in := s.codec.Decode(f).(type) {
	case wire.Malformed:
		if in.Fatal {
			return ending{code: in.Close, reason: in.Message, flush: true}, true
		}
		return s.refuse(wire.Refused{Code: in.Code, Message: in.Message, ID: in.ID})
	case wire.Hello:
		return s.greet(in)
	case wire.Message:
		if !s.ready {
			return s.refuse(wire.Refused{Code: codeHelloFirst, Message: "say hello first", ID: in.ID})
		}
		s.spoken = true
		s.hub.inbox.Message(s.ctx, s, in)
	case wire.Reply:
		if !s.ready {
			return s.refuse(wire.Refused{Code: codeHelloFirst, Message: "say hello first"})
		}
		s.spoken = true
		s.hub.inbox.Reply(s, in)
	case wire.Ack:
		if !s.ready {
			return s.refuse(wire.Refused{Code: codeHelloFirst, Message: "say hello first", ID: in.ID})
		}
		s.spoken = true
		s.hub.inbox.Acked(s, in.ID)
	case wire.Register:
		return ending{code: wire.CloseProtocol, reason: "the connection names its device"}, true
	}
	return ending{}, false
}

func kind(binary bool) string {
	if binary {
		return "binary"
	}
	return "text"
}

// greet takes the one hello of a session.
func (s *Session) greet(in wire.Hello) (ending, bool) {
	if s.greeted {
		return s.refuse(wire.Refused{Code: codeBadHello, Message: "hello was said already"})
	}
	if s.spoken {
		return s.refuse(wire.Refused{Code: codeBadHello, Message: "hello is said first"})
	}
	s.greeted = true
	s.acks.Store(in.Acks && s.can.Acks)
	if in.Metadata != nil && s.hub.presence != nil {
		s.hub.presence.Metadata(s.key, in.Metadata)
	}
	if !s.ready {
		s.start()
	}
	return ending{}, false
}

// A device may be refused this often in this time before the session ends.
const (
	maxRefusals = 20
	refusalTime = 10 * time.Second
)

// refusals are the times of the newest ones, a ring.
type refusals struct {
	at   [maxRefusals]time.Time
	next int
}

// refuse answers a frame that was not taken; the 20th in ten seconds ends the
// session.
func (s *Session) refuse(r wire.Refused) (ending, bool) {
	s.hub.tally.refused.Add(1)
	s.say(r)
	if s.refusals == nil {
		s.refusals = new(refusals)
	}
	now := time.Now()
	ring := s.refusals
	ring.at[ring.next] = now
	ring.next = (ring.next + 1) % maxRefusals
	if oldest := ring.at[ring.next]; !oldest.IsZero() && now.Sub(oldest) < refusalTime {
		return ending{code: wire.ClosePolicy, reason: "too many frames were refused", flush: true}, true
	}
	return ending{}, false
}
