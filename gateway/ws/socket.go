package ws

import (
	"net"
	"sync"
	"time"
)

const keptWrites = 128 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 2<<10)
	return &b
}}

// socket is a TCP or TLS connection whose writes can be gathered: what is written
// between cork and flush leaves in one write, out of a buffer that is held only
// that long. Every write has writeTime.
type socket struct {
	net.Conn
	early []byte // what the peer sent right behind its request

	mu  sync.Mutex // guards buf, and keeps writes apart
	buf *[]byte    // nil while it is not corked
}

// Read is called by one goroutine at a time.
func (s *socket) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
		return n, nil
	}
	return s.Conn.Read(p)
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
	if err := s.Conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
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
