package gateway

import (
	"context"
	"sync"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Bounds of what is written in one go.
const (
	batchFrames = 64
	batchBytes  = 32 << 10
	keptBuffer  = 128 << 10
)

// batch is the memory of one go; it is pooled.
type batch struct {
	parcels []parcel
	frames  []wire.Frame
	upto    []int // frames[i] and all before it are parcels[:upto[i]]
	buf     []byte
}

var batches = sync.Pool{New: func() any {
	return &batch{
		parcels: make([]parcel, 0, batchFrames),
		frames:  make([]wire.Frame, 0, batchFrames),
		upto:    make([]int, 0, batchFrames),
		buf:     make([]byte, 0, 1<<10),
	}
}}

func (b *batch) release() {
	clear(b.parcels)
	clear(b.frames)
	b.parcels, b.frames, b.upto, b.buf = b.parcels[:0], b.frames[:0], b.upto[:0], b.buf[:0]
	if cap(b.buf) <= keptBuffer {
		batches.Put(b)
	}
}

// drain writes until nothing waits or it is halted; the next push starts another
// one.
func (s *Session) drain() {
	b := batches.Get().(*batch)
	defer b.release()
	for s.take(b) {
		n, err := s.write(b)
		s.written(b.parcels[:n])
		s.mu.Lock()
		s.out.drop(n)
		if err != nil {
			s.out.halted = true
			if !s.over {
				s.errand.Go(func() { s.end(ending{}) })
			}
		}
		s.mu.Unlock()
	}
}

// take fills the batch with copies of what waits. False ends the drainer.
func (s *Session) take(b *batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.parcels = b.parcels[:0]
	rest := s.out.rest()
	if len(rest) == 0 || s.out.halted {
		s.out.drains = false
		if s.out.drained != nil {
			close(s.out.drained)
		}
		return false
	}
	size := 0
	for i := range rest {
		size += len(rest[i].Body)
		if i > 0 && (i == batchFrames || size > batchBytes) {
			break
		}
		b.parcels = append(b.parcels, rest[i])
	}
	return true
}

// write encodes the batch and writes it. It returns how many parcels are done:
// written, or of no frame in this dialect.
func (s *Session) write(b *batch) (done int, err error) {
	b.frames, b.upto, b.buf = b.frames[:0], b.upto[:0], b.buf[:0]
	for i := range b.parcels {
		start := len(b.buf)
		f, ok := s.codec.Encode(b.buf, b.parcels[i].outbound())
		if !ok {
			continue
		}
		b.buf = f.Data
		b.frames = append(b.frames, wire.Frame{Binary: f.Binary, Data: b.buf[start:]})
		b.upto = append(b.upto, i+1)
	}
	n, err := s.writeAll(b.frames)
	s.hub.tally.said(b.frames[:n])
	switch {
	case err == nil:
		return len(b.parcels), nil
	case n == 0:
		return 0, err
	}
	return b.upto[n-1], err
}

func (s *Session) writeAll(frames []wire.Frame) (n int, err error) {
	ctx := context.Background() // the connection has its own deadline
	if w, ok := s.conn.(Batcher); ok && len(frames) > 1 {
		return w.WriteAll(ctx, frames)
	}
	for _, f := range frames {
		if err := s.conn.Write(ctx, f); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// written tells of the stored commands that no acknowledgement will come for.
func (s *Session) written(done []parcel) {
	for i := range done {
		if p := &done[i]; p.Row != 0 && (p.ID == "" || !s.Acks()) {
			s.hub.inbox.Written(s, p.Delivery)
		}
	}
}
