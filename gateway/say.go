package gateway

import (
	"sync"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Bounds of what waits for a socket. Commands beyond theirs are not taken;
// control frames beyond theirs end the session.
const (
	sendFrames    = 64
	sendBytes     = 256 << 10
	controlFrames = 4096
	controlBytes  = 1 << 20
)

// parcel is one frame to be said: a command, or what control holds.
type parcel struct {
	Delivery
	control wire.Outbound
}

func (p *parcel) outbound() wire.Outbound {
	if p.control != nil {
		return p.control
	}
	return wire.Command{ID: p.ID, Body: p.Body}
}

// queue is what waits to be written, in order. Its parcels are pooled; an empty
// queue holds none.
type queue struct {
	parcels *parcels
	room    // what is in use, the batch that is being written included
	drains  bool
	halted  bool
	drained chan struct{} // closed when the drainer ends, where somebody waits
}

// parcels is a list that is taken off from the front.
type parcels struct {
	list []parcel
	head int
}

// room counts what the bounds are about.
type room struct {
	frames, bytes               int
	controlFrames, controlBytes int
}

func (r *room) add(p *parcel, sign int) {
	if p.control == nil {
		r.frames += sign
		r.bytes += sign * len(p.Body)
		return
	}
	r.controlFrames += sign
	if a, ok := p.control.(wire.Acked); ok {
		r.controlBytes += sign * len(a.Error)
	}
}

const keptParcels = 64

var parcelLists = sync.Pool{New: func() any { return &parcels{list: make([]parcel, 0, 8)} }}

func (q *queue) push(p parcel) {
	if q.parcels == nil {
		q.parcels = parcelLists.Get().(*parcels)
	}
	l := q.parcels
	if l.head > 0 && len(l.list) == cap(l.list) {
		n := copy(l.list, l.list[l.head:])
		clear(l.list[n:])
		l.list, l.head = l.list[:n], 0
	}
	l.list = append(l.list, p)
	q.add(&p, +1)
}

// rest are the parcels that were not taken off.
func (q *queue) rest() []parcel {
	if q.parcels == nil {
		return nil
	}
	return q.parcels.list[q.parcels.head:]
}

// drop takes n parcels off the front.
func (q *queue) drop(n int) {
	if n == 0 {
		return
	}
	gone := q.rest()[:n]
	for i := range gone {
		q.add(&gone[i], -1)
	}
	clear(gone)
	q.parcels.head += n
	if q.parcels.head < len(q.parcels.list) {
		return
	}
	if cap(q.parcels.list) <= keptParcels {
		q.parcels.list, q.parcels.head = q.parcels.list[:0], 0
		parcelLists.Put(q.parcels)
	}
	q.parcels = nil
}

// Send queues a command behind what was queued before. It is false, and nothing
// is queued, when the session is over or 64 frames or 256 KiB wait. The body is
// the session's from then on.
func (s *Session) Send(d Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.out.frames >= sendFrames || s.out.bytes+len(d.Body) > sendBytes {
		return false
	}
	s.push(parcel{Delivery: d})
	return true
}

// Room is what Send would still take: frames, and bytes of bodies.
func (s *Session) Room() (frames, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, 0
	}
	return sendFrames - s.out.frames, sendBytes - s.out.bytes
}

// Acked queues the acknowledgement of a message behind what was queued before.
func (s *Session) Acked(a wire.Acked) { s.say(a) }

// say queues a control frame. A device that does not take its control frames is
// closed with 1013.
func (s *Session) say(out wire.Outbound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if s.out.controlFrames >= controlFrames || s.out.controlBytes > controlBytes {
		s.errand.Go(func() { s.end(ending{code: wire.CloseTryLater, reason: "too slow to read"}) })
		return
	}
	s.push(parcel{control: out})
}

// push queues and sees to it that somebody writes. With mu held.
func (s *Session) push(p parcel) {
	s.out.push(p)
	if !s.out.drains {
		s.out.drains = true
		go s.drain() // end waits for it
	}
}
