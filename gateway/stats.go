package gateway

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Stats is what the hub's sessions have done since the start. Closed is by the
// code that was said, 0 where the connection was lost.
type Stats struct {
	Sessions            int // live
	Opened              uint64
	Closed              map[wire.CloseCode]uint64
	Refused             uint64 // frames
	FramesIn, FramesOut uint64
	BytesIn, BytesOut   uint64 // of frames, without the transport's own
}

// tally counts for Stats. The zero tally is ready.
type tally struct {
	opened, refused     atomic.Uint64
	framesIn, framesOut atomic.Uint64
	bytesIn, bytesOut   atomic.Uint64

	mu     sync.Mutex
	closed map[wire.CloseCode]uint64
}

func (t *tally) heard(f wire.Frame) {
	t.framesIn.Add(1)
	t.bytesIn.Add(uint64(len(f.Data)))
}

func (t *tally) said(frames []wire.Frame) {
	n := 0
	for i := range frames {
		n += len(frames[i].Data)
	}
	t.framesOut.Add(uint64(len(frames)))
	t.bytesOut.Add(uint64(n))
}

func (t *tally) ended(code wire.CloseCode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed == nil {
		t.closed = make(map[wire.CloseCode]uint64)
	}
	t.closed[known(code)]++
}

// known keeps what peers make up from growing the table: their codes count as
// 1000.
func known(code wire.CloseCode) wire.CloseCode {
	switch code {
	case 0, wire.CloseAway, wire.CloseProtocol, wire.CloseUnsupported, wire.CloseInvalid, wire.ClosePolicy, wire.CloseTooBig,
		wire.CloseInternal, wire.CloseRestart, wire.CloseTryLater, wire.CloseReplaced, wire.CloseRevoked, wire.CloseDeleted,
		wire.CloseRegister, wire.CloseDisabled:
		return code
	}
	return wire.CloseNormal
}

// Stats may be called at any time.
func (h *Hub) Stats() Stats {
	t := &h.tally
	s := Stats{
		Sessions: h.Count(), Opened: t.opened.Load(), Refused: t.refused.Load(),
		FramesIn: t.framesIn.Load(), FramesOut: t.framesOut.Load(),
		BytesIn: t.bytesIn.Load(), BytesOut: t.bytesOut.Load(),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Closed = maps.Clone(t.closed)
	return s
}
