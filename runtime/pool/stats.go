package pool

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats is what the pool has done since its start, and what it holds.
type Stats struct {
	Workers map[string]int    // alive, by what they are kept for: spare, active, alone
	Spawned uint64            // children of both kinds that were started
	Ended   map[string]uint64 // workers that ended, by the rule; let go or closed ones too
	Turns   uint64            // turns that workers reported
	Lone    uint64            // events that were sent to run alone
	Waiting int               // events that wait for room in a worker
	Running int               // events in workers
}

// tally counts for Stats. The zero tally is ready.
type tally struct {
	spawned, turns, lone atomic.Uint64

	mu    sync.Mutex
	ended map[rule]uint64
}

func (t *tally) end(r rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil {
		t.ended = make(map[rule]uint64)
	}
	t.ended[r]++
}

func (r role) String() string {
	return [...]string{"spare", "active", "alone"}[r]
}

// Stats may be called at any time.
func (p *Pool) Stats() Stats {
	s := Stats{
		Workers: map[string]int{}, Ended: map[string]uint64{},
		Spawned: p.tally.spawned.Load(), Turns: p.tally.turns.Load(), Lone: p.tally.lone.Load(),
	}
	p.tally.mu.Lock()
	for rule, n := range maps.All(p.tally.ended) {
		s.Ended[string(rule)] = n
	}
	p.tally.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := spare; r <= alone; r++ {
		s.Workers[r.String()] = 0
	}
	for _, ch := range p.children {
		s.Workers[ch.role.String()]++
		s.Running += ch.unsettled
	}
	s.Waiting = len(p.lines.all()) + len(p.lone)
	return s
}
