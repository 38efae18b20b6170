package dispatch

import (
	"slices"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/runtime"
)

// sweepEvery spaces the deploy events of silent devices: 200 a second.
const sweepEvery = 5 * time.Millisecond

// Flipped makes a committed deployment take effect: events that leave their
// mailbox after it returns run the new versions, and connected devices that stay
// silent hear of the change within a sweep.
func (d *Dispatcher) Flipped(project string, scripts []string) {
	d.live.drop(project, scripts)
	d.sweep(func(m *Mailbox) bool {
		return m.key.Project == project && (m.script == "" || slices.Contains(scripts, m.script))
	})
}

// Moved makes devices that were placed on another script run it from their next
// event on.
func (d *Dispatcher) Moved(keys []device.Key) {
	for _, key := range keys {
		m := d.mailbox(key)
		m.script = ""
		m.mu.Unlock()
		d.forget(m)
	}
	d.sweep(func(m *Mailbox) bool { return slices.Contains(keys, m.key) })
}

// sweep queues a deploy event for the connected devices that match. The event
// does nothing where another one has told the script already.
func (d *Dispatcher) sweep(match func(*Mailbox) bool) {
	d.mu.Lock()
	var due []*Mailbox
	for _, m := range d.mailboxes {
		m.mu.Lock()
		if m.session != nil && match(m) {
			due = append(due, m)
		}
		m.mu.Unlock()
	}
	d.mu.Unlock()
	if len(due) == 0 || d.draining.Load() {
		return
	}
	d.busy.add()
	go func() { // ends with its list, or with the dispatcher
		defer d.busy.done()
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for _, m := range due {
			m.mu.Lock()
			if m.session != nil {
				m.push(item{event: runtime.Event{Kind: runtime.Deploy}})
			}
			m.mu.Unlock()
			select {
			case <-tick.C:
			case <-d.ctx.Done():
				return
			}
		}
	}()
}
