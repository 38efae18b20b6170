package pool

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// rule says why a worker ended.
type rule string

const (
	exited    rule = "exited"    // by itself
	signalled rule = "signalled" // by a signal that was not ours
	overrun   rule = "overrun"   // a turn went on past 2 × budget + 50 ms
	silent    rule = "silent"    // the same, and the worker's watchdog did not say so
	memory    rule = "memory"    // the heap stayed over its limit
	malformed rule = "malformed" // a frame that is none, or that claims too much
	notReady  rule = "not ready" // did not report in time
	surplus   rule = "surplus"   // no longer needed
	closing   rule = "closing"   // the pool is closed
)

// ending is how a worker ended. Guilty is the call that is known to have broken
// the rule, or 0.
type ending struct {
	rule   rule
	guilty uint64
	cpu    time.Duration // of the guilty turn
	err    error
	why    string // for people
}

// loss is what an ending means to one call.
type loss struct {
	ending
	convicted bool
	suspect   bool // its turn was in the worker's hands, and nobody is known to be guilty
	sole      bool // no other turn was
}

// kill ends a worker at once. What it said before and was not heard yet is
// ignored; its calls are told. Only the first call has an effect.
func (ch *child) kill(e ending) {
	ch.mu.Lock()
	if ch.end != nil {
		ch.mu.Unlock()
		return
	}
	ch.end = &e
	calls := ch.calls
	ch.calls = nil
	close(ch.gone)
	sole := 0
	for _, c := range calls {
		if c.turning {
			sole++
		}
	}
	for id, c := range calls {
		l := &loss{ending: e, convicted: id == e.guilty, suspect: c.turning && e.guilty == 0, sole: sole == 1}
		c.turning = false
		if c.unwait != nil {
			c.unwait()
		}
		if !c.cancelled {
			c.mail <- message{lost: l} // from here on the call is elsewhere
		}
	}
	ch.mu.Unlock()
	_ = ch.cmd.Process.Kill()
	_ = ch.in.Close()
}

// bury ends a worker whose stream ended, waits for the process and has it
// replaced. It is the last thing its reader does.
func (ch *child) bury(err error) {
	ch.late.Stop()
	if !errors.Is(err, io.EOF) {
		ch.kill(ending{rule: malformed, err: err})
	}
	linger := time.AfterFunc(time.Second, func() { _ = ch.cmd.Process.Kill() })
	werr := ch.cmd.Wait()
	linger.Stop()
	ch.kill(autopsy(werr, ch.stderr.String()))
	ch.report(werr)
	ch.pool.lost(ch)
}

// autopsy says how a process ended that nobody killed.
func autopsy(err error, stderr string) ending {
	e := ending{rule: exited, err: err, why: "its process ended"}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			e.rule, e.why = signalled, "its process was killed"
		}
	}
	switch {
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"):
		e.why = "its process ran out of memory"
	case strings.Contains(stderr, "stack overflow"), strings.Contains(stderr, "stack exceeds"):
		e.why = "its process ran out of stack"
	}
	return e
}

// report tells the operator of a worker's end, if it is of interest.
func (ch *child) report(werr error) {
	ch.mu.Lock()
	e := *ch.end
	ch.mu.Unlock()
	ch.pool.tally.end(e.rule)
	switch e.rule {
	case closing, surplus:
		return
	}
	attrs := []any{"pid", ch.cmd.Process.Pid, "rule", string(e.rule), "lived", time.Since(ch.born).Round(time.Millisecond)}
	if e.cpu > 0 {
		attrs = append(attrs, "cpu", e.cpu)
	}
	if e.err != nil {
		attrs = append(attrs, "error", e.err)
	}
	if werr != nil {
		attrs = append(attrs, "exit", werr)
	}
	if text := ch.stderr.String(); text != "" {
		attrs = append(attrs, "stderr", text)
	}
	ch.pool.log.Warn("worker ended", attrs...)
}

// lost has a worker that is gone replaced. One that never was ready counts as a
// failed start.
func (p *Pool) lost(ch *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.alive, ch)
	switch {
	case ch.trial:
	case p.part(ch):
		p.feed()
	case !ch.joined:
		p.starting--
		p.lastErr = errors.New("worker ended before it was ready: " + ch.stderr.String())
		if !p.closed {
			p.rest()
			p.balance()
		}
	}
}

// mostDeaths is how many workers may be lost under an event that runs again.
const mostDeaths = 3

// bereaved decides what the loss of its worker means to a call: an error ends
// it, else it is to be placed again.
func (c *call) bereaved(l *loss) error {
	switch {
	case l.rule == closing:
		return ErrClosed
	case l.convicted:
		return &runtime.ScriptError{
			Name: runtime.TimeoutError, Limit: "cpu", File: c.code.Main,
			Message:   "a single call went on past the event's CPU time; the worker was killed and log lines since the last wait are lost",
			CPUMillis: float64(l.cpu) / float64(time.Millisecond),
		}
	case c.committed:
		return c.interrupted("the worker was lost in the middle of the event (" + l.text() + "); what was committed before stays")
	}
	c.deaths++
	if l.suspect && l.sole && c.lone && l.convicts() {
		return c.sentence(l)
	}
	if c.deaths >= mostDeaths {
		return c.interrupted("three workers were lost under the event, the last because " + l.text())
	}
	c.lone = c.lone || l.suspect || c.deaths == mostDeaths-1
	c.inv = c.host.Restart()
	c.claim.restart()
	return nil
}

// convicts says whether a lone turn under this ending is guilty. A signal from
// elsewhere proves nothing.
func (l *loss) convicts() bool {
	return l.rule == exited || l.rule == silent || l.rule == memory
}

// text says why the worker ended, to the author of a script.
func (l *loss) text() string {
	switch {
	case l.why != "":
		return l.why
	case l.rule == memory:
		return "it used too much memory"
	case l.rule == silent || l.rule == overrun:
		return "a call in it did not end"
	}
	return "it broke the protocol"
}

// sentence is the error of an event that took its worker with it when it ran
// alone.
func (c *call) sentence(l *loss) error {
	e := &runtime.ScriptError{
		Name: runtime.QuotaError, Limit: "memory", File: c.code.Main,
		Message: "the event ended its worker when it ran alone: " + l.text(),
	}
	if l.rule == silent {
		e.Name, e.Limit = runtime.TimeoutError, "cpu"
	}
	return e
}

func (c *call) interrupted(message string) error {
	return &runtime.ScriptError{Name: runtime.InterruptedError, Message: message, File: c.code.Main}
}
