package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// life says how one life of the server goes and ends.
type life struct {
	lasts time.Duration
	end   ending
	stop  time.Duration // a worker is stopped for so long, 0 is none
}

type ending int

const (
	killed    ending = iota
	drained          // SIGTERM
	killedTwo        // killed, and killed again while it starts
	traced           // killed at its n-th write or sync
)

func (e ending) String() string {
	return [...]string{"kill -9", "SIGTERM", "kill -9, and again while it starts", "kill -9 at a system call"}[e]
}

// next draws a life. The first ones are of every kind, so that a short run has
// them all.
func (o *Ordeal) next(rng *rand.Rand, n int) life {
	l := life{lasts: time.Duration(250+rng.IntN(700)) * time.Millisecond}
	if o.plan.Long && rng.IntN(3) == 0 {
		l.lasts *= 8
	}
	switch {
	case n == 1 || rng.IntN(12) == 0:
		l.end = drained
	case n == 2 || rng.IntN(8) == 0:
		l.end = killedTwo
	case o.noTrace == nil && rng.IntN(3) == 0:
		l.end = traced
	}
	switch {
	case n == 4 || rng.IntN(20) == 0:
		l.stop, l.lasts = time.Second, max(l.lasts, 1500*time.Millisecond)
	case n == 6 || o.plan.Long && rng.IntN(60) == 0:
		l.stop, l.lasts = 5*time.Second, max(l.lasts, 5500*time.Millisecond)
	}
	return l
}

// inject does what the plan says to the server, until all of it is done.
func (o *Ordeal) inject(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, o.plan.MaxTime)
	defer cancel()
	rng := rand.New(rand.NewPCG(o.plan.Seed, 1<<32))
	for n := 0; ctx.Err() == nil && !o.enough(); n++ {
		l := o.next(rng, n)
		o.fault(fmt.Sprintf("life %d: %v, then %v", n, l.lasts, l.end))
		if err := o.spend(ctx, rng, l); err != nil {
			o.crash(err)
		}
		if err := o.Boot(ctx); err != nil && ctx.Err() == nil {
			o.crash(err)
			return
		}
	}
	if o.site.running() == nil {
		if err := o.Boot(context.WithoutCancel(ctx)); err != nil {
			o.crash(err)
		}
	}
}

func (o *Ordeal) enough() bool {
	return time.Since(o.begun) >= o.plan.Time &&
		o.tally.kills.Load() >= int64(o.plan.ServerKills) &&
		o.tally.workerKills.Load() >= int64(o.plan.WorkerKills) &&
		(o.noTrace != nil || o.tally.traced.Load() >= int64(o.plan.Traces))
}

func (o *Ordeal) fault(text string) { o.history.Add(Entry{What: Fault, Text: text}) }

// crash notes that the server ended, or did not begin, without being told.
func (o *Ordeal) crash(err error) {
	o.crashes = append(o.crashes, err.Error())
	o.fault("crash: " + err.Error())
}

// spend lets one life of the server go by and ends it. The error tells of an end
// that nobody asked for.
func (o *Ordeal) spend(ctx context.Context, rng *rand.Rand, l life) error {
	p := o.site.running()
	ctx, cancel := context.WithTimeout(ctx, l.lasts)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, harm := range []func(context.Context, *rand.Rand){o.harmDevices, o.harmVersions} {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		all.Go(func() { harm(ctx, own) })
	}
	own := rand.New(rand.NewPCG(rng.Uint64(), 0))
	all.Go(func() { o.harmWorkers(ctx, own, p, l.stop) })
	if l.end == traced {
		return o.trace(ctx, p)
	}
	select {
	case <-ctx.Done():
	case <-p.gone:
	}
	switch l.end {
	case drained:
		took, err := o.Terminate()
		o.tally.drains.Add(1)
		if err != nil || took > drainTime {
			return fmt.Errorf("drain took %v: %w", took, err)
		}
		return nil
	case killedTwo:
		if err := o.Kill(); err != nil {
			return err
		}
		o.tally.kills.Add(1)
		second, err := o.site.launch()
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(rng.IntN(60)) * time.Millisecond):
		case <-second.gone:
		}
		o.tally.bootKills.Add(1)
	}
	err := o.Kill()
	o.tally.kills.Add(1)
	return err
}

// drainTime is how long a drain may take.
const drainTime = 20 * time.Second

// harmWorkers kills and stops workers while the server lives.
func (o *Ordeal) harmWorkers(ctx context.Context, rng *rand.Rand, p *process, stop time.Duration) {
	var all sync.WaitGroup
	defer all.Wait()
	for wait(ctx, time.Duration(40+rng.IntN(260))*time.Millisecond) {
		pids := p.workers()
		if len(pids) == 0 {
			continue
		}
		pid := pids[rng.IntN(len(pids))]
		if stop > 0 {
			length := stop
			stop = 0
			if suspend(pid) {
				o.tally.stops.Add(1)
				o.fault(fmt.Sprintf("stopped worker %d for %v", pid, length))
				all.Go(func() {
					defer proceed(pid)
					wait(ctx, length)
				})
			}
			continue
		}
		if killWorker(pid) {
			o.tally.workerKills.Add(1)
			o.fault(fmt.Sprintf("killed worker %d", pid))
		}
	}
}

// harmDevices cuts, deafens and doubles connections.
func (o *Ordeal) harmDevices(ctx context.Context, rng *rand.Rand) {
	for wait(ctx, time.Duration(10+rng.IntN(80))*time.Millisecond) {
		o.tell(o.devices[rng.IntN(len(o.devices))], order(rng.IntN(3)))
	}
}

// tell gives a device an order, unless it has one to carry out already.
func (o *Ordeal) tell(d *device, what order) bool {
	select {
	case d.orders <- what:
	default:
		return false
	}
	switch what {
	case drop:
		o.tally.drops.Add(1)
	case deaf:
		o.tally.deafs.Add(1)
	case takeOver:
		o.tally.takeovers.Add(1)
	}
	return true
}

// harmVersions deploys and rolls back.
func (o *Ordeal) harmVersions(ctx context.Context, rng *rand.Rand) {
	for wait(ctx, time.Duration(100+rng.IntN(700))*time.Millisecond) {
		_ = o.Flip(ctx) // the server may be gone
	}
}

// wait is false when ctx ended before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
