package worker

import (
	goruntime "runtime"
	"time"
)

// trial is code to be loaded once with nothing at stake. The budget is CPU time
// of its top level.
type trial struct {
	source Source
	budget time.Duration
}

func (w *worker) try(d *decoder) error {
	t := &trial{source: d.source(), budget: d.time()}
	if err := d.done(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready.push(&event{program: &program{source: t.source}, trial: t})
	return nil
}

// try evaluates the top level under the watchdog and has its exports read.
func (r *runner) try(ev *event) {
	goruntime.LockOSThread()
	tried := r.tried(ev)
	goruntime.UnlockOSThread()
	r.worker.out.put(func(b []byte) []byte { return appendTried(b, &tried) })
}

func (r *runner) tried(ev *event) (tried Tried) {
	code, err := r.compiled(ev)
	if err != nil {
		return Tried{Error: failed(err).Segment.Outcome.Error}
	}
	t := code.NewTrial()
	budget := ev.trial.budget
	tried.CPU = r.watched(ev, t, budget, budget, func() { tried.Report, tried.Error = t.Run() })
	if tried.Error != nil && tried.Error.Limit != "" {
		tried.Error.CPUMillis = float64(tried.CPU) / float64(time.Millisecond)
	}
	return tried
}
