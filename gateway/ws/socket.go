package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

const keptWrites = 128 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 2<<10)
	return &b
}}

// socket is a TCP or TLS connection of a client. What comes in is checked before
// anybody sees it. Writes can be gathered: what is written between cork and flush
// leaves in one write, out of a buffer that is held only that long. Every write
// has the same time.
type socket struct {
	net.Conn
	early []byte // what the peer sent right behind its request

	// The reader's.
	in     frames
	broken error         // what every further read returns
	limit  time.Duration // for what is under way to come whole
	spent  time.Duration // waiting for what is under way
	armed  bool          // a read deadline is set

	heard atomic.Pointer[func()] // told of frames that came whole

	patience time.Duration // for one write

	mu  sync.Mutex // guards buf, and keeps writes apart
	buf *[]byte    // nil while it is not corked
}

// Read is called by one goroutine at a time. It returns checked bytes only; the
// error is a gateway.CloseError when the peer breaks a rule.
func (s *socket) Read(p []byte) (int, error) {
	if s.broken != nil {
		return 0, s.broken
	}
	n, err := s.receive(p)
	if n == 0 {
		return 0, err
	}
	n, s.broken = s.in.check(p[:n])
	if s.in.rested {
		s.spent = 0
	}
	if heard := s.heard.Load(); s.in.whole && heard != nil {
		(*heard)()
	}
	if n == 0 {
		return 0, s.broken
	}
	return n, err
}

// receive reads what the peer sent. Between messages that may take for ever; a
// message has its limit, in which the time while we do not read does not count.
func (s *socket) receive(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
		return n, nil
	}
	for {
		n, err := s.wait(p)
		if n > 0 || !s.armed || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		// The deadline may have been that of an earlier message.
		if s.armed = false; s.in.resting() {
			err = s.SetReadDeadline(time.Time{})
		} else if s.spent >= s.limit {
			s.broken = gateway.CloseError{Code: wire.ClosePolicy, Reason: "message took too long"}
			return 0, s.broken
		} else {
			err = nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// wait is one read. A deadline, once armed, stays until it passes: most messages
// come whole at once.
func (s *socket) wait(p []byte) (int, error) {
	if s.in.resting() {
		return s.Conn.Read(p)
	}
	begun := time.Now()
	if !s.armed {
		if err := s.SetReadDeadline(begun.Add(s.limit - s.spent)); err != nil {
			return 0, err
		}
		s.armed = true
	}
	n, err := s.Conn.Read(p)
	s.spent += time.Since(begun)
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf != nil {
		*s.buf = append(*s.buf, p...)
		return len(p), nil
	}
	return s.send(p)
}

func (s *socket) send(p []byte) (int, error) {
	if err := s.Conn.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = writeBuffers.Get().(*[]byte)
}

// gathered is how much waits for the flush.
func (s *socket) gathered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(*s.buf)
}

// flush writes what was gathered and returns how much of it was written.
func (s *socket) flush() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf := s.buf
	s.buf = nil
	n, err := 0, error(nil)
	if len(*buf) > 0 {
		n, err = s.send(*buf)
	}
	if cap(*buf) <= keptWrites {
		*buf = (*buf)[:0]
		writeBuffers.Put(buf)
	}
	return n, err
}

// Close ends the connection so that the peer hears what was written last: it says
// that nothing more comes and throws away what still comes in, until the peer ends
// too or lingerTime is over. Dropped with something unread, the connection would
// be reset, and a close code lost on its way.
func (s *socket) Close() error {
	defer time.AfterFunc(lingerTime, s.cut).Stop()
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = s.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, s.Conn)
	}
	return s.Conn.Close()
}

// cut drops the connection at once.
func (s *socket) cut() { _ = s.Conn.Close() }
