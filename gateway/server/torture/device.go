package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
)

// order is what the run tells a device to do to its connection.
type order int

const (
	drop     order = iota // cut it and come back
	deaf                  // stop reading, say more, then cut it
	takeOver              // open a second one beside it
)

// message is one that a device has numbered.
type message struct {
	n     int
	kind  Kind
	body  []byte
	again bool // was answered with retry
}

// kept is how many acknowledged messages a device may repeat for no reason. The
// server remembers 1,024 ids.
const kept = 256

// device is a simulated device. It keeps what was not acknowledged, over its
// connections and over all lives of the server.
type device struct {
	o      *Ordeal
	name   string
	token  string
	orders chan order
	room   chan struct{} // capacity 1: something may be said
	done   chan struct{} // closed when it is finished

	mu       sync.Mutex
	rng      *rand.Rand
	last     int        // number of the last message
	pending  []*message // not acknowledged, in order
	recent   []*message // acknowledged, the newest kept
	retries  bool       // some of pending are to be said again
	links    int
	stage    stage
	farewell int  // number of the message whose command is the last
	parted   bool // that command has come
	synced   int  // link on which the message of syncing was said
}

// stage is how far a device is with coming to an end. It goes on when everything
// it said is acknowledged.
type stage int

const (
	talking   stage = iota
	emptying        // nothing new is said
	flushing        // a last command is on its way, behind all others
	syncing         // a message is run behind the acknowledgements of all commands
	returning       // it comes back
	parting         // a message is run behind all commands that might come again
	finished
)

func newDevice(o *Ordeal, i int, token string) *device {
	return &device{
		o: o, name: deviceName(i), token: token,
		orders: make(chan order, 1), room: make(chan struct{}, 1), done: make(chan struct{}),
		rng: rand.New(rand.NewPCG(o.plan.Seed, uint64(i))),
	}
}

func deviceName(i int) string { return "d-" + strconv.Itoa(i) }

func (d *device) signal() {
	select {
	case d.room <- struct{}{}:
	default:
	}
}

// next makes a new message, if it is time for one: with room in the window and
// nothing to be said again.
func (d *device) next(l *link) *message {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.retries || d.stage == finished {
		return nil
	}
	if d.stage == talking {
		if len(d.pending) >= d.o.plan.Window {
			return nil
		}
		return d.number(d.o.plan.Kinds[d.rng.IntN(len(d.o.plan.Kinds))])
	}
	if len(d.pending) > 0 {
		return nil
	}
	switch {
	case d.stage == emptying:
		d.stage = flushing
		d.farewell = d.last + 1
		return d.number(Plain)
	case d.stage == flushing && d.parted, d.stage == syncing && d.synced != l.number:
		d.stage, d.synced = syncing, l.number
		return d.number(Mute)
	case d.stage == syncing:
		d.stage = returning
		l.note(Entry{What: Left})
		l.drop()
	case d.stage == returning && d.synced != l.number:
		d.stage = parting
		return d.number(Mute)
	case d.stage == parting:
		d.stage = finished
		close(d.done)
		l.drop()
	}
	return nil
}

// number makes the next message. With the lock held.
func (d *device) number(kind Kind) *message {
	d.last++
	m := &message{n: d.last, kind: kind}
	m.body = fmt.Appendf(nil, `{"type":"step","$id":"m-%d","n":%d,"kind":%q,"wait":%d}`, m.n, m.n, kind, 1+d.rng.IntN(20))
	d.pending = append(d.pending, m)
	return m
}

// repeat is now and then a message that was acknowledged already.
func (d *device) repeat() *message {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage != talking || len(d.recent) == 0 || d.rng.IntN(40) > 0 {
		return nil
	}
	return d.recent[d.rng.IntN(len(d.recent))]
}

// unanswered lists what is to be said on a new connection, in order. Now and
// then the last acknowledged ones go before it, as of a device that lost its
// memory of the acknowledgements.
func (d *device) unanswered() []*message {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retries = false
	for _, m := range d.pending {
		m.again = false
	}
	forgotten := 0
	if d.stage == talking && d.rng.IntN(3) == 0 {
		forgotten = min(len(d.recent), 4)
	}
	return slices.Concat(d.recent[len(d.recent)-forgotten:], d.pending)
}

// refused lists what was answered with retry.
func (d *device) refused() (again []*message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retries = false
	for _, m := range d.pending {
		if m.again {
			m.again = false
			again = append(again, m)
		}
	}
	return again
}

// answered takes the acknowledgement of a message.
func (d *device) answered(n int, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.signal()
	i := slices.IndexFunc(d.pending, func(m *message) bool { return m.n == n })
	if i < 0 {
		d.o.tally.repeats.Add(1)
		return
	}
	if status == "retry" {
		d.pending[i].again, d.retries = true, true
		return
	}
	d.o.tally.acknowledged.Add(1)
	d.recent = append(d.recent, d.pending[i])
	if len(d.recent) > 2*kept {
		d.recent = slices.Clone(d.recent[kept:])
	}
	d.pending = slices.Delete(d.pending, i, i+1)
}

// finish makes the device come to an end.
func (d *device) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage == talking {
		d.stage = emptying
	}
	d.signal()
}

// waiting says what a device that does not come to an end waits for.
func (d *device) waiting() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.pending) > 0:
		return fmt.Sprintf("%d messages are not acknowledged, the oldest is m-%d", len(d.pending), d.pending[0].n)
	case d.stage == flushing && !d.parted:
		return fmt.Sprintf("the command of m-%d did not come", d.farewell)
	}
	return "it could not come back"
}

// heard notes that a message's command has come.
func (d *device) heard(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage >= flushing && n == d.farewell {
		d.parted = true
		d.signal()
	}
}

// lucky is true in one of n cases.
func (d *device) lucky(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n) == 0
}
