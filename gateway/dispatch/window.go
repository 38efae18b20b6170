package dispatch

import (
	"cmp"
	"time"
)

// Bounds of the id window. Pruning is amortised: a batch leaves at once.
const (
	windowIDs   = 1024
	windowAge   = 24 * time.Hour
	windowBatch = 64
)

// What became of a message whose id the window holds.
const (
	seenRunning = "running"
	seenOk      = "ok"
	seenError   = "error"
)

// window remembers the newest message ids of a device, so that a repeat has no
// second effect. Its zero value is empty.
type window struct {
	ids int           // how many are remembered, 0 is windowIDs
	age time.Duration // and for how long, 0 is windowAge

	byID  map[string]*Seen
	order []*Seen // oldest first
	bytes int
}

func (w *window) fill(seen []Seen) {
	for i := range seen {
		w.put(seen[i])
	}
}

// put adds an id or changes what became of it.
func (w *window) put(s Seen) {
	if known := w.byID[s.ID]; known != nil {
		w.bytes += len(s.Ack) - len(known.Ack)
		*known = s
		return
	}
	if w.byID == nil {
		w.byID = make(map[string]*Seen)
	}
	w.byID[s.ID] = &s
	w.order = append(w.order, &s)
	w.bytes += len(s.ID) + len(s.Ack)
}

func (w *window) get(id string, now time.Time) *Seen {
	s := w.byID[id]
	if s == nil || s.At < now.Add(-cmp.Or(w.age, windowAge)).UnixMilli() && s.Status != seenRunning {
		return nil
	}
	return s
}

// stale returns the ids that are due to leave, when there are enough of them.
func (w *window) stale(now time.Time) []string {
	if len(w.order) == 0 {
		return nil
	}
	n := len(w.order) - cmp.Or(w.ids, windowIDs)
	for oldest := now.Add(-cmp.Or(w.age, windowAge)).UnixMilli(); max(n, 0) < len(w.order) && w.order[max(n, 0)].At < oldest; {
		n = max(n, 0) + 1
	}
	if n < windowBatch {
		return nil
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.order[i].ID
	}
	return ids
}

// forget drops the oldest ids, as many as stale returned.
func (w *window) forget(n int) {
	for i, s := range w.order[:n] {
		w.bytes -= len(s.ID) + len(s.Ack)
		delete(w.byID, s.ID)
		w.order[i] = nil
	}
	w.order = w.order[n:]
}

// running returns the ids whose events were under way when the owner was lost.
func (w *window) running() []Seen {
	var out []Seen
	for _, s := range w.order {
		if s.Status == seenRunning {
			out = append(out, *s)
		}
	}
	return out
}

func (w *window) size() int { return w.bytes + 160*len(w.order) }
