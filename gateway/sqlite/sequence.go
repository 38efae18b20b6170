package sqlite

import (
	"sync"

	"github.com/tendril-run/tendril/gateway/logs"
)

// restartGap is left in the ids at every start, so that ids which a power
// failure took with it, and cursors that name them, never come again.
const restartGap = 1 << 20

// sequence numbers the rows of all logs and knows the watermark, the largest id
// below which every row is committed in its own file or never will be.
type sequence struct {
	mu      sync.Mutex
	next    int64
	open    []*stretch // not settled or behind one that is not, ascending
	changed chan struct{}
	watched bool // somebody holds changed
}

// stretch is a run of ids that are committed together.
type stretch struct {
	first, last int64
	settled     bool
}

// span is what one record needs: its lines, then its outcome row. Either may be
// nil.
type span struct{ lines, outcome *stretch }

func newSequence(newest int64) *sequence {
	s := &sequence{next: 1, changed: make(chan struct{})}
	if newest > 0 {
		s.next = newest + restartGap
	}
	return s
}

// take reserves the ids of a record. Everything taken must be settled.
func (s *sequence) take(rec *logs.Record) (ids span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(rec.Lines); n > 0 {
		ids.lines = s.reserve(int64(n))
	}
	if hasOutcome(rec) {
		ids.outcome = s.reserve(1)
	}
	return ids
}

func (s *sequence) reserve(n int64) *stretch {
	x := &stretch{first: s.next, last: s.next + n - 1}
	s.next += n
	s.open = append(s.open, x)
	return x
}

// settle says that a stretch is committed or given up.
func (s *sequence) settle(stretches ...*stretch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range stretches {
		if x != nil {
			x.settled = true
		}
	}
	n := 0
	for n < len(s.open) && s.open[n].settled {
		n++
	}
	if n == 0 {
		return
	}
	clear(s.open[:n])
	s.open = s.open[n:]
	if s.watched {
		close(s.changed)
		s.changed, s.watched = make(chan struct{}), false
	}
}

// newest is the largest id that was taken.
func (s *sequence) newest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next - 1
}

func (s *sequence) watermark() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > 0 {
		return s.open[0].first - 1
	}
	return s.next - 1
}

// watch returns a channel that is closed when the watermark moves.
func (s *sequence) watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = true
	return s.changed
}
