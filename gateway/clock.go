package gateway

import (
	"context"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

// AckDue sets when the session is closed with 1013 because its oldest command
// was not acknowledged. The zero time sets it to never.
func (s *Session) AckDue(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ack = t
	if !t.IsZero() && t.Before(s.next) {
		s.schedule()
	}
}

// ring does what is due; all deadlines of a session share its one alarm.
func (s *Session) ring(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if e, due := s.overdue(now); due {
		s.errand.Go(func() { s.end(e) })
		return
	}
	if !now.Before(s.ping) {
		s.ping = now.Add(s.hub.limits.Ping)
		s.errand.Go(func() { _ = s.conn.Ping(context.Background()) }) // a dead connection ends its reader
	}
	s.schedule()
}

// overdue says whether a deadline has passed. With mu held.
func (s *Session) overdue(now time.Time) (ending, bool) {
	switch {
	case !s.hello.IsZero() && !now.Before(s.hello):
		return ending{code: wire.CloseRegister, reason: "no hello in time", flush: true}, true
	case !s.ack.IsZero() && !now.Before(s.ack):
		return ending{code: wire.CloseTryLater, reason: "a command was not acknowledged"}, true
	case !now.Before(s.silence(now)):
		return ending{code: wire.ClosePolicy, reason: "nothing was heard"}, true
	}
	return ending{}, false
}

// silence is when the read deadline ends. It does not run while it is we who do
// not read.
func (s *Session) silence(now time.Time) time.Time {
	heard := s.heard.Load()
	if heard == 0 {
		return now.Add(s.hub.limits.Idle)
	}
	return s.hub.epoch.Add(time.Duration(heard)).Add(s.hub.limits.Idle)
}

// schedule sets the alarm to the next deadline. With mu held.
func (s *Session) schedule() {
	if s.over {
		return
	}
	s.next = s.silence(time.Now())
	for _, t := range []time.Time{s.ping, s.hello, s.ack} {
		if !t.IsZero() && t.Before(s.next) {
			s.next = t
		}
	}
	s.hub.wheel.Set(&s.alarm, s.next)
}
