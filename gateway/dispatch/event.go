package dispatch

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/versions"
)

// handle takes one event through its life. Owner goroutine only.
func (m *Mailbox) handle(it item) {
	ctx := m.d.ctx
	st, err := m.load(ctx)
	if err != nil {
		m.giveUp(it, "load", err)
		return
	}
	if it.id != "" {
		if seen := st.seen.get(it.id, m.d.Now()); seen != nil {
			m.d.tally.add(it.event.Kind, outcomeRepeat)
			m.acknowledge(it, seen.Status, seen.Ack)
			return
		}
	}
	t, err := m.resolve(ctx)
	if err != nil {
		m.unanswered(it, err)
		return
	}
	switch kind, changed := it.event.Kind, m.changed(st, t); {
	case kind == runtime.Connect: // on a new version it is itself the call that tells of the change
	case kind == runtime.Deploy && !changed:
		return // another event of this device has made the call already
	case kind == runtime.Deploy:
		it = m.deployEvent(t)
	case changed:
		m.run(ctx, m.deployEvent(t), t)
	}
	if t.version.Handles(it.event.Kind.Handler()) {
		m.run(ctx, it, t)
		return
	}
	m.d.tally.add(it.event.Kind, outcomeIgnored)
	if it.id != "" { // nothing listens: the message has had all the effect it can have
		m.ignore(ctx, it)
	}
}

// changed says whether the script must first be told that its version changed.
func (m *Mailbox) changed(st *state, t *target) bool {
	if st.ran == t.version.UUID || m.current() == nil || !t.version.Handles(runtime.Deploy.Handler()) {
		return false
	}
	opt := t.version.Report.Options.ConnectOnDeploy
	return opt == nil || *opt
}

func (m *Mailbox) deployEvent(t *target) item {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.internal(runtime.Deploy, info{Reason: t.reason})
}

// run runs one event against a version and sees to its end.
func (m *Mailbox) run(ctx context.Context, it item, target *target) {
	st, err := m.load(ctx)
	if err != nil {
		m.giveUp(it, "load", err)
		return
	}
	t := &turn{m: m, it: it, target: target, state: st, wake: make(chan struct{}, 1)}
	m.mu.Lock()
	m.turn = t
	m.mu.Unlock()
	err = m.d.Runner.Run(ctx, t.invocation(), target.code, t)
	t.stopOperations()
	m.mu.Lock()
	m.turn = nil
	m.mu.Unlock()
	switch {
	case err == nil:
	case t.failed != nil:
		m.giveUp(it, "commit", t.failed)
	case ctx.Err() != nil: // the server goes away: what was not committed runs again when sent again
		if !t.committed {
			refuse(m.current(), it.id)
		}
	default:
		t.fail(ctx, err)
	}
}

// fail ends the event with an error of the runtime itself.
func (t *turn) fail(ctx context.Context, err error) {
	var serr *runtime.ScriptError
	switch {
	case errors.As(err, &serr):
	case errors.Is(err, errWall):
		serr = &runtime.ScriptError{
			Name: runtime.TimeoutError, Limit: "wall", File: t.target.code.Main,
			Message: "the event took longer than " + t.m.d.Limits.Wall.String(),
		}
	default:
		serr = &runtime.ScriptError{Name: runtime.InterruptedError, Message: err.Error(), File: t.target.code.Main}
	}
	seg := &runtime.Segment{Outcome: &runtime.Outcome{Error: serr}}
	if err := t.settle(ctx, seg); err != nil {
		t.m.giveUp(t.it, "commit", err)
	}
}

// unanswered ends an event for which no code is live.
func (m *Mailbox) unanswered(it item, err error) {
	if !errors.Is(err, versions.ErrNotFound) {
		m.giveUp(it, "resolve", err)
		return
	}
	m.d.tally.add(it.event.Kind, outcomeRetry)
	refuse(m.current(), it.id)
	if it.event.Kind != runtime.Message || it.id != "" {
		return
	}
	m.mu.Lock()
	script := m.script
	m.mu.Unlock()
	m.d.Lines.Append(logs.Record{
		Device: m.key, Script: script, EventID: it.event.ID, Kind: it.event.Kind, At: m.d.millis(),
		Lines: []runtime.Line{{
			Time: m.d.millis(), Level: runtime.Warn,
			Message: "message dropped: script " + script + " has no live version",
		}},
	})
}

// giveUp ends an event that the server could not run or commit. The device may
// send it again; the state is loaded anew.
func (m *Mailbox) giveUp(it item, doing string, err error) {
	m.mu.Lock()
	m.state = nil
	m.mu.Unlock()
	m.d.tally.add(it.event.Kind, outcomeRetry)
	refuse(m.current(), it.id)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
		return // the store tells of it once, not for every event
	}
	if m.d.ctx.Err() == nil && !errors.Is(err, ErrNoDevice) {
		m.d.Log.Error("event not run", "device", m.key.String(), "event", string(it.event.Kind), "doing", doing, "error", err)
	}
}

// ignore stores the id of a message that the version has no handler for.
func (m *Mailbox) ignore(ctx context.Context, it item) {
	c := Change{Seen: []Seen{{ID: it.id, Status: seenOk, At: m.d.millis()}}}
	if err := m.commit(ctx, &c); err != nil {
		m.giveUp(it, "commit", err)
		return
	}
	m.acknowledge(it, seenOk, nil)
}

// acknowledge tells the device what became of its message. The device may have
// reconnected since it was said.
func (m *Mailbox) acknowledge(it item, status string, ack []byte) {
	if it.id == "" {
		return
	}
	s := m.current()
	if s == nil {
		return
	}
	answer := wire.Acked{ID: it.id, Status: wire.Ok}
	if status == seenError {
		answer.Status, answer.Error = wire.Failed, ack
	}
	s.Acked(answer)
}

// interrupt ends the ids that a crash left running. With the state just loaded.
func (m *Mailbox) interrupt(ctx context.Context) error {
	for _, s := range m.state.seen.running() {
		if m.turn != nil && m.turn.it.id == s.ID {
			continue // loaded again in the middle of it
		}
		serr := &runtime.ScriptError{
			Name:    runtime.InterruptedError,
			Message: "the server ended in the middle of the event; what was committed before stays",
		}
		s.Status, s.Ack = seenError, errorAck(serr)
		now := m.d.millis()
		c := Change{Seen: []Seen{s}, Log: &logs.Record{
			Device: m.key, EventID: s.ID, Kind: runtime.Message, At: now, Outcome: true, Error: serr,
		}}
		if err := m.commit(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// errorAck is the error object of a $ack.
func errorAck(e *runtime.ScriptError) []byte {
	data, _ := json.Marshal(struct { // a struct of strings
		Name    string `json:"name"`
		Message string `json:"message"`
	}{e.Name, e.Message})
	return data
}
