package torture

import (
	"context"
	"time"
)

// live connects, and comes back, until ctx ends or the device is finished.
func (d *device) live(ctx context.Context) {
	var l *link
	for ctx.Err() == nil && !d.over() {
		if l == nil {
			if l = d.open(ctx); l == nil {
				return
			}
		}
		old := l
		if l = nil; d.use(ctx, old) != takeOver {
			old.drop()
			continue
		}
		l = d.open(ctx)
		time.AfterFunc(2*time.Second, old.drop) // the server has closed it by then
	}
	if l != nil {
		l.drop()
	}
}

func (d *device) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stage == finished
}

// use says what there is to say until the connection ends, or says how it is to
// end.
func (d *device) use(ctx context.Context, l *link) order {
	for _, m := range d.unanswered() {
		if !l.say(m) {
			return drop
		}
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for paused := true; ; {
		if m := d.next(l); m != nil {
			if !l.say(m) {
				return drop
			}
			if m = d.repeat(); m != nil && !l.say(m) {
				return drop
			}
			if paused = d.pace(pause); !paused {
				continue
			}
		}
		room := d.room
		if paused {
			room = nil
		}
		select {
		case <-room:
			if !d.sayAgain(l) {
				return drop
			}
		case <-pause.C:
			paused = false
		case o := <-d.orders:
			if o == deaf {
				d.mishear(ctx, l)
				o = drop
			}
			return o
		case <-l.ended:
			return drop
		case <-ctx.Done():
			return drop
		}
	}
}

// pace sets when the device speaks next, if its plan says so and it is not about
// to come to an end.
func (d *device) pace(t *time.Timer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o.plan.Pause == 0 || d.stage != talking {
		return false
	}
	t.Reset(time.Duration(d.rng.Int64N(int64(2 * d.o.plan.Pause))))
	return true
}

// sayAgain says what was answered with retry, after a moment.
func (d *device) sayAgain(l *link) bool {
	again := d.refused()
	if len(again) == 0 {
		return true
	}
	select {
	case <-time.After(d.backoff(3)):
	case <-l.ended:
		return false
	}
	for _, m := range again {
		if !l.say(m) {
			return false
		}
	}
	return true
}

// mishear stops reading for a while, says on, and leaves.
func (d *device) mishear(ctx context.Context, l *link) {
	l.deafen()
	d.mu.Lock()
	wait := time.NewTimer(time.Duration(20+d.rng.IntN(400)) * time.Millisecond)
	d.mu.Unlock()
	defer wait.Stop()
	for range 3 {
		if m := d.next(l); m == nil || !l.say(m) {
			break
		}
	}
	select {
	case <-wait.C:
	case <-l.ended:
	case <-ctx.Done():
	}
}
