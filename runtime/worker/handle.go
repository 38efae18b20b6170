package worker

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

// handle does what a frame of the gateway asks. An error ends the process: there
// is no use in a worker that does not understand its parent. The body is not
// kept.
func (w *worker) handle(kind Kind, body []byte) error {
	switch kind {
	case KindRun, KindResume, KindAnswer, KindLoad, KindTrial:
		body = bytes.Clone(body) // what is decoded aliases it
	}
	d := decoder{b: body}
	var err error
	switch kind {
	case KindLoad:
		err = w.load(&d)
	case KindForget:
		err = w.forget(&d)
	case KindRun:
		err = w.run(&d)
	case KindResume:
		err = w.resume(&d)
	case KindAnswer:
		err = w.answer(&d)
	case KindCancel:
		err = w.cancel(&d)
	case KindRevoke:
		if err = d.done(); err == nil {
			w.revoke()
		}
	case KindTrial:
		err = w.try(&d)
	default:
		err = fmt.Errorf("%w: kind %d", ErrFrame, kind)
	}
	return err
}

func (w *worker) load(d *decoder) error {
	number, source := d.uint(), d.source()
	if err := d.done(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.programs[number] = &program{source: source}
	return nil
}

func (w *worker) forget(d *decoder) error {
	number := d.uint()
	if err := d.done(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.programs, number)
	return nil
}

func (w *worker) run(d *decoder) error {
	id, number, inv := d.uint(), d.uint(), d.invocation()
	if err := d.done(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.programs[number]
	if p == nil || w.events[id] != nil {
		return fmt.Errorf("%w: run of event %d with program %d", ErrFrame, id, number)
	}
	inv.Version = p.source.Version
	ev := &event{id: id, program: p, inv: inv, budget: newBudget(inv.Limits, inv.Quota)}
	w.events[id] = ev
	w.ready.push(ev)
	return nil
}

func (w *worker) resume(d *decoder) error {
	id, resume := d.uint(), d.resume()
	if err := d.done(); err != nil {
		return err
	}
	return w.wake(id, func(ev *event) {
		ev.next, ev.resume = resumed, resume
		ev.budget.begin(resume.Quota)
	})
}

func (w *worker) answer(d *decoder) error {
	id, answers := d.uint(), d.results()
	if err := d.done(); err != nil {
		return err
	}
	return w.wake(id, func(ev *event) { ev.next, ev.answers = answered, answers })
}

// wake gives a waiting event its next turn.
func (w *worker) wake(id uint64, with func(*event)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ev := w.events[id]
	if ev == nil || ev.queued || ev.turning {
		return fmt.Errorf("%w: event %d does not wait", ErrFrame, id)
	}
	with(ev)
	w.ready.push(ev)
	return nil
}

// cancel drops an event. One whose turn runs is interrupted and dropped at the
// end of it; one that has ended meanwhile is told of all the same.
func (w *worker) cancel(d *decoder) error {
	id := d.uint()
	if err := d.done(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ev := w.events[id]
	switch {
	case ev == nil:
		w.out.put(func(b []byte) []byte { return appendDropped(b, id) })
	case ev.turning:
		ev.cancelled = true
		w.dog.interrupt(ev, "cancelled")
	default:
		if ev.queued {
			w.ready.remove(func(q *event) bool { return q == ev })
		}
		w.drop(ev)
	}
	return nil
}

// drop forgets an abandoned event. With the lock held.
func (w *worker) drop(ev *event) {
	delete(w.events, ev.id)
	w.out.put(func(b []byte) []byte { return appendDropped(b, ev.id) })
}

// revoke gives back everything that was not begun.
func (w *worker) revoke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []uint64
	for _, ev := range w.ready.remove(func(ev *event) bool { return ev.run == nil && ev.trial == nil }) {
		delete(w.events, ev.id)
		ids = append(ids, ev.id)
	}
	w.out.put(func(b []byte) []byte { return appendRevoked(b, ids) })
}

// budget is the CPU time of an event.
type budget struct {
	limit  time.Duration // of the whole event
	before time.Duration // used before this segment
	spent  time.Duration // used in this segment
}

func newBudget(l runtime.Limits, q runtime.Quota) budget {
	b := budget{limit: l.CPU}
	b.begin(q)
	return b
}

// begin begins a segment.
func (b *budget) begin(q runtime.Quota) {
	b.before, b.spent = max(0, b.limit-q.Budget), 0
}

func (b *budget) used() time.Duration { return b.before + b.spent }

func (b *budget) left() time.Duration { return b.limit - b.used() }

// begin prepares the realm of an event that begins.
func (ev *event) begin(p *vm.Program) {
	ev.run, ev.inv = p.New(ev.inv), nil
}
