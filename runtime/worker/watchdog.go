package worker

import (
	"sync/atomic"
	"time"
)

// SlowTurn is the CPU time after which a turn is reported as slow.
const SlowTurn = 5 * time.Millisecond

// Overlong is the CPU time of one turn after which its worker is killed, for a
// limit of the whole event.
func Overlong(limit time.Duration) time.Duration { return 2*limit + 50*time.Millisecond }

// sayAgain is how often a slow turn is reported while it goes on: it shows that
// the watchdog is well.
const sayAgain = 50 * time.Millisecond

// The watchdog looks at the runners this often while turns run, never closer
// together than minTick, and goes to sleep after idleTicks looks at nothing.
const (
	tick      = 2 * time.Millisecond
	minTick   = 100 * time.Microsecond
	idleTicks = 25
)

// watchdog sees to it that turns end: it reports slow ones, interrupts those
// whose budget is used up or that fill the memory, and reports those that no
// interrupt reaches. It is one goroutine; it costs nothing while nothing runs.
type watchdog struct {
	worker  *worker
	runners []*runner

	asleep atomic.Bool
	wake   chan struct{} // capacity 1

	heap heap
	seen []uint64 // turns begun by each runner at the last look
}

// rouse makes sure that the watchdog looks. It is called at the start of every
// turn.
func (d *watchdog) rouse() {
	if d.asleep.Load() && d.asleep.CompareAndSwap(true, false) {
		d.wake <- struct{}{}
	}
}

func (d *watchdog) watch() {
	d.seen = make([]uint64, len(d.runners))
	for idle := 0; ; {
		next, busy := d.look()
		if busy {
			idle = 0
		} else if idle++; idle >= idleTicks {
			idle = 0
			d.sleep()
		}
		time.Sleep(next)
	}
}

// sleep returns at the start of the next turn. A turn that began while it fell
// asleep is seen by one more look.
func (d *watchdog) sleep() {
	d.asleep.Store(true)
	if _, busy := d.look(); busy && d.asleep.CompareAndSwap(true, false) {
		return
	}
	<-d.wake
}

// look looks at all runners once. It says when to look again and whether
// anything happened since the last look.
func (d *watchdog) look() (next time.Duration, busy bool) {
	next = tick
	stuck := 0
	d.heap.look()
	for i, r := range d.runners {
		r.mu.Lock()
		if r.count != d.seen[i] {
			busy = true
		} else if r.now.event != nil {
			stuck++
		}
		d.seen[i] = r.count
		if r.now.event != nil {
			busy = true
			next = min(next, d.judge(&r.now))
		}
		r.mu.Unlock()
	}
	if stuck > 0 {
		d.worker.neglected()
	}
	return max(minTick, next), busy
}

// judge looks at one turn and says when to look again. With the runner's lock
// held, so that what it does never reaches a later turn.
func (d *watchdog) judge(t *turning) time.Duration {
	cpu := cpuOf(t.thread) - t.start
	if cpu > SlowTurn && time.Since(t.said) > sayAgain {
		t.said = time.Now()
		d.report(func(b []byte) []byte { return appendSlow(b, t.event.id, cpu) })
	}
	if cpu > Overlong(t.limit) {
		d.overrun(t, Overrun{ID: t.event.id, CPU: cpu, Rule: CPU})
	}
	interrupt, end := d.heap.judge(t)
	if interrupt && t.run != nil {
		t.run.Interrupt("memory")
	}
	if end {
		d.overrun(t, Overrun{ID: t.event.id, CPU: cpu, Rule: Memory})
	}
	if t.run == nil || t.left == 0 {
		return tick
	}
	if cpu >= t.left {
		t.run.Interrupt("cpu")
		return tick
	}
	return t.left - cpu
}

func (d *watchdog) overrun(t *turning, o Overrun) {
	if !t.told {
		t.told = true
		d.report(func(b []byte) []byte { return appendOverrun(b, o) })
	}
}

// report writes a frame at once. The pipe may be full: the write is another
// goroutine's, as the watchdog must not wait.
func (d *watchdog) report(f func([]byte) []byte) {
	d.worker.out.put(f)
	go d.worker.out.flush()
}

// interrupt ends the turn of an event, if it runs.
func (d *watchdog) interrupt(ev *event, limit string) {
	for _, r := range d.runners {
		r.mu.Lock()
		if r.now.event == ev && r.now.run != nil {
			r.now.run.Interrupt(limit)
		}
		r.mu.Unlock()
	}
}
