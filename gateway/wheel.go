package gateway

import (
	"sync"
	"time"
)

const (
	wheelTick  = 100 * time.Millisecond
	wheelSlots = 1024
)

// Wheel rings alarms for very many owners with one timer. An alarm rings never
// early and at most a tick of 100 ms late. An empty wheel has no timer, and a
// wheel no goroutine of its own. The zero Wheel is ready.
type Wheel struct {
	mu    sync.Mutex
	zero  time.Time // tick 0
	slots [wheelSlots]*Alarm
	count int
	past  int64 // the last tick that was looked at
	next  int64 // the tick that the timer waits for, 0 for none
	timer *time.Timer
}

// Alarm is a place on a Wheel, part of its owner. Ring is set before the first
// Set; it is called without locks, perhaps while others ring, and must not block. A
// ring may come late for a Clear or a Set: the owner looks at its own state.
type Alarm struct {
	Ring func(now time.Time)

	due        int64 // tick, 0 while it is on no wheel
	prev, next *Alarm
}

// Set makes the alarm ring once at due, and not when it was to ring before.
func (w *Wheel) Set(a *Alarm, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.zero.IsZero() {
		w.zero = now
	}
	w.remove(a)
	if w.count == 0 {
		w.past = w.tick(now)
	}
	a.due = max(w.tick(due.Add(wheelTick-1)), w.past+1)
	head := &w.slots[a.due%wheelSlots]
	if a.next = *head; a.next != nil {
		a.next.prev = a
	}
	*head = a
	w.count++
	if w.next == 0 || a.due < w.next {
		w.arm(a.due, now)
	}
}

// Clear takes the alarm off the wheel.
func (w *Wheel) Clear(a *Alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(a)
	if w.count == 0 && w.timer != nil {
		w.timer.Stop()
		w.next = 0
	}
}

func (w *Wheel) remove(a *Alarm) {
	if a.due == 0 {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		w.slots[a.due%wheelSlots] = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.due, a.prev, a.next = 0, nil, nil
	w.count--
}

// tick is the last tick that is not after t.
func (w *Wheel) tick(t time.Time) int64 { return int64(t.Sub(w.zero) / wheelTick) }

func (w *Wheel) arm(tick int64, now time.Time) {
	w.next = tick
	wait := w.zero.Add(time.Duration(tick) * wheelTick).Sub(now)
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, func() { w.turn(time.Now()) })
		return
	}
	w.timer.Reset(wait)
}

// turn rings what is due at now and arms the timer for the next slot that holds
// an alarm.
func (w *Wheel) turn(now time.Time) {
	w.mu.Lock()
	present := w.tick(now)
	var due []*Alarm
	for t := max(w.past+1, present-wheelSlots+1); t <= present; t++ {
		for a := w.slots[t%wheelSlots]; a != nil; {
			next := a.next
			if a.due <= present {
				w.remove(a)
				due = append(due, a)
			}
			a = next
		}
	}
	w.past = max(w.past, present)
	w.next = 0
	for t := w.past + 1; w.count > 0 && t <= w.past+wheelSlots; t++ {
		if w.slots[t%wheelSlots] != nil {
			w.arm(t, now)
			break
		}
	}
	w.mu.Unlock()
	for _, a := range due {
		a.Ring(now)
	}
}
