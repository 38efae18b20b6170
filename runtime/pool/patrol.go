package pool

import (
	"time"

	"github.com/tendril-run/tendril/runtime/worker"
)

// patrolEvery is how often the pool looks for workers that say nothing.
const patrolEvery = 100 * time.Millisecond

// patience is how long on the wall a worker may say nothing of a turn before it
// is looked at, beyond the CPU time that is allowed.
const patience = 100 * time.Millisecond

// longTurn is how long a turn may take on the wall while its worker says that it
// goes on.
const longTurn = time.Minute

// patrol finds workers whose own watchdog is silent about a turn that should
// have ended. A long wall time is only a suspicion, as the machine may be busy or
// the process stopped: what convicts is the CPU time of its threads. Close stops
// it.
func (p *Pool) patrol() {
	clock := time.NewTicker(patrolEvery)
	defer clock.Stop()
	burnt := map[*child]map[int]time.Duration{} // CPU time of threads, when the suspicion began
	for {
		select {
		case <-clock.C:
		case <-p.stop:
			return
		}
		p.mu.Lock()
		children := append([]*child(nil), p.children...)
		p.mu.Unlock()
		still := make(map[*child]map[int]time.Duration, len(burnt))
		for _, ch := range children {
			if seen := p.inspect(ch, burnt[ch]); seen != nil {
				still[ch] = seen
			}
		}
		burnt = still
		p.thin()
	}
}

// inspect looks at one worker. While it is under suspicion it returns the CPU
// times that its threads had when that began.
func (p *Pool) inspect(ch *child, before map[int]time.Duration) map[int]time.Duration {
	allowed, quiet := ch.quiet()
	suspected := allowed > 0 && quiet > allowed+patience
	p.mu.Lock()
	if ch.silent != suspected {
		ch.silent = suspected
		p.balance()
		p.feed()
	}
	p.mu.Unlock()
	if !suspected {
		return nil
	}
	now := threadTimes(ch.cmd.Process.Pid)
	switch {
	case now == nil: // such a clock is not to be had
		if quiet > 4*allowed {
			ch.kill(ending{rule: silent})
		}
		return map[int]time.Duration{}
	case before == nil:
		return now
	}
	for thread, cpu := range now {
		if was, known := before[thread]; known && cpu-was > allowed {
			ch.kill(ending{rule: silent})
		}
	}
	return before
}

// quiet says for how long a worker has said nothing of the turns in its hands,
// and the CPU time that the longest of them is allowed. With no turn they are 0.
func (ch *child) quiet() (allowed, quiet time.Duration) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	oldest := time.Time{}
	for _, c := range ch.calls {
		if !c.turning {
			continue
		}
		allowed = max(allowed, worker.Overlong(c.claim.limits.CPU))
		if oldest.IsZero() || c.sent.Before(oldest) {
			oldest = c.sent
		}
	}
	if allowed == 0 {
		return 0, 0
	}
	if oldest.Before(ch.heard) && time.Since(oldest) < longTurn {
		oldest = ch.heard
	}
	return allowed, time.Since(oldest)
}
