package dispatch

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/runtime"
)

var _ gateway.Inbox = (*Dispatcher)(nil)

// Ready makes the session the device's: its connect event is queued behind what
// the device said before, and its outbox drains.
func (d *Dispatcher) Ready(_ context.Context, s *gateway.Session) {
	m := d.mailbox(s.Key())
	defer m.mu.Unlock()
	m.session = s
	m.push(m.internal(runtime.Connect, info{Reason: "connect"}))
	m.post(func() { m.attach(s) })
}

// Message queues a message, in order. It blocks while the mailbox is full.
func (d *Dispatcher) Message(ctx context.Context, s *gateway.Session, msg wire.Message) {
	if d.draining.Load() {
		d.tally.add(runtime.Message, outcomeRetry)
		refuse(s, msg.ID)
		return
	}
	m := d.mailbox(s.Key())
	m.serial++
	id := msg.ID
	if id == "" {
		id = s.ID() + "-" + strconv.FormatUint(m.serial, 10)
	}
	m.mu.Unlock()
	m.offer(ctx, s, item{
		event:   runtime.Event{ID: id, Kind: runtime.Message, Payload: msg.Body},
		id:      msg.ID,
		session: s,
	})
}

// Reply settles the request that waits for it. A late one is dropped.
func (d *Dispatcher) Reply(s *gateway.Session, r wire.Reply) {
	m := d.mailbox(s.Key())
	defer m.mu.Unlock()
	op, waits := m.requests[r.Re]
	if m.session != s || !waits {
		return
	}
	delete(m.requests, r.Re)
	res := runtime.Result{ID: op, Value: r.Result}
	if r.Error != nil {
		res.Error = &runtime.ScriptError{Name: "DeviceError", Message: string(r.Error)}
	}
	m.turn.deliver(res)
}

// Acked takes a command off the outbox.
func (d *Dispatcher) Acked(s *gateway.Session, id string) {
	m := d.mailbox(s.Key())
	defer m.mu.Unlock()
	if m.session == s {
		m.taken = append(m.taken, id)
		m.nudge(s)
	}
}

// Written takes a stored command off the outbox of a device that does not
// acknowledge.
func (d *Dispatcher) Written(s *gateway.Session, w gateway.Delivery) {
	m := d.mailbox(s.Key())
	defer m.mu.Unlock()
	m.taken = append(m.taken, commandID(w.Row))
	m.nudge(s)
}

// Closed ends the session's part: waiting requests reject, what was not written
// goes to the outbox, and unless a newer session took its place the script hears
// of it.
func (d *Dispatcher) Closed(s *gateway.Session, unwritten []gateway.Delivery, replaced bool) {
	m := d.mailbox(s.Key())
	defer m.mu.Unlock()
	if m.session != s {
		return
	}
	m.session = nil
	m.unacked = 0
	m.makeRoom()
	why := "disconnected"
	if replaced {
		why = "replaced"
	}
	m.rejectRequests(offline(why))
	m.post(func() { m.detach(unwritten) })
	if !replaced && !d.draining.Load() {
		m.push(m.internal(runtime.Disconnect, info{Reason: why}))
	}
}

// info is the payload of the events that the server makes.
type info struct {
	Reason string `json:"reason"`
}

// internal makes an event of the server. With the lock held.
func (m *Mailbox) internal(kind runtime.EventKind, about info) item {
	m.serial++
	payload, _ := json.Marshal(about) // a struct of strings
	return item{event: runtime.Event{
		ID:      string(kind) + "-" + strconv.FormatInt(m.d.millis(), 36) + "-" + strconv.FormatUint(m.serial, 10),
		Kind:    kind,
		Payload: payload,
	}}
}

// refuse tells the device to send again.
func refuse(s *gateway.Session, id string) {
	if s != nil && id != "" {
		s.Acked(wire.Acked{ID: id, Status: wire.Retry})
	}
}
