package dispatch

import (
	"maps"
	"sync"

	"github.com/tendril-run/tendril/runtime"
)

// What became of an event, in Stats.
const (
	outcomeOk          = "ok"
	outcomeError       = "error"       // the script threw
	outcomeTimeout     = "timeout"     // a limit of time
	outcomeQuota       = "quota"       // another limit
	outcomeInterrupted = "interrupted" // the runtime ended it
	outcomeRetry       = "retry"       // nothing ran or was stored
	outcomeRepeat      = "repeat"      // the id was known, nothing ran
	outcomeIgnored     = "ignored"     // the version has no handler for it
)

// Counted is one kind of event with one outcome.
type Counted struct {
	Kind    runtime.EventKind
	Outcome string
}

// Stats is what the dispatcher has done since the start, and what waits.
type Stats struct {
	Events       map[Counted]uint64
	Mailboxes    int // in memory
	Waiting      int // events in mailboxes
	WaitingBytes int
}

// tally counts events. The zero tally is ready.
type tally struct {
	mu     sync.Mutex
	events map[Counted]uint64
}

func (t *tally) add(kind runtime.EventKind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.events == nil {
		t.events = make(map[Counted]uint64)
	}
	t.events[Counted{kind, outcome}]++
}

// ended counts an event by the error that it ended with, nil for none.
func (t *tally) ended(kind runtime.EventKind, err *runtime.ScriptError) {
	outcome := outcomeError
	switch {
	case err == nil:
		outcome = outcomeOk
	case err.Name == runtime.TimeoutError:
		outcome = outcomeTimeout
	case err.Name == runtime.QuotaError:
		outcome = outcomeQuota
	case err.Name == runtime.InterruptedError:
		outcome = outcomeInterrupted
	}
	t.add(kind, outcome)
}

// Stats may be called at any time. It looks into every mailbox, one after the
// other.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	mailboxes := make([]*Mailbox, 0, len(d.mailboxes))
	for _, m := range d.mailboxes {
		mailboxes = append(mailboxes, m)
	}
	d.mu.Unlock()
	s := Stats{Mailboxes: len(mailboxes)}
	for _, m := range mailboxes {
		m.mu.Lock()
		s.Waiting += len(m.events)
		s.WaitingBytes += m.bytes
		m.mu.Unlock()
	}
	d.tally.mu.Lock()
	defer d.tally.mu.Unlock()
	s.Events = maps.Clone(d.tally.events)
	return s
}
