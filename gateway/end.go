package gateway

import (
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

// flushTime is how long an ending waits for what is queued to be written.
const flushTime = time.Second

// ending says how a session is to end. Without a code the connection is dropped.
// With flush what is queued is written first, if it can be soon.
type ending struct {
	code   wire.CloseCode
	reason string
	flush  bool
}

// Close ends the session with a code: it takes no more commands, writes what is
// queued, says the code and is gone. It returns at once and may be called from
// within the Inbox. Only the first call counts.
func (s *Session) Close(code wire.CloseCode, reason string) {
	s.leave(ending{code: code, reason: reason, flush: true})
}

// leave ends the session on a goroutine that wait waits for.
func (s *Session) leave(e ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.errand.Go(func() { s.end(e) })
	}
}

// end ends the session and returns when the Inbox has heard of it. The first
// call says how, later ones wait with it. It is not called with the turn or a
// lock held.
func (s *Session) end(e ending) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		<-s.gone
		return
	}
	s.over = true
	s.errand.Add(1) // the close
	s.mu.Unlock()
	s.cancel()
	s.hub.wheel.Clear(&s.alarm)
	if e.flush {
		s.stopDrainer(flushTime)
	}
	s.mu.Lock()
	s.out.halted = true
	s.mu.Unlock()
	go func() {
		defer s.errand.Done()
		if e.code == 0 {
			s.conn.Drop()
			return
		}
		s.conn.Close(e.code, e.reason)
	}()
	s.turn.Lock()
	s.deaf = true
	s.turn.Unlock()
	s.stopDrainer(0)
	s.hub.tally.ended(e.code)
	s.hub.log.Info("connection", "device", s.key.String(), "session", s.id, "remote", s.remote,
		"lasted", time.Since(s.born).Round(time.Millisecond), "code", int(e.code), "reason", e.reason)
	s.hub.inbox.Closed(s, s.unwritten(), s.hub.replaced(s))
	s.hub.unbind(s)
	close(s.gone)
}

// wait returns when the session has ended and nobody serves it any more.
func (s *Session) wait() {
	<-s.gone
	s.errand.Wait()
}

// stopDrainer waits until nothing is being written, with a limit only for so
// long.
func (s *Session) stopDrainer(limit time.Duration) {
	s.mu.Lock()
	if !s.out.drains {
		s.mu.Unlock()
		return
	}
	if s.out.drained == nil {
		s.out.drained = make(chan struct{})
	}
	drained := s.out.drained
	s.mu.Unlock()
	if limit == 0 {
		<-drained
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	}
}

// unwritten takes the commands that were not written, in order.
func (s *Session) unwritten() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Delivery
	rest := s.out.rest()
	for i := range rest {
		if rest[i].control == nil {
			list = append(list, rest[i].Delivery)
		}
	}
	s.out.drop(len(rest))
	return list
}
