package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/runtime"
)

// ErrKVFull says that a write would pass the device's keys or bytes.
var ErrKVFull = errors.New("the device's key-value state is full")

// States of a command given by an operator.
const (
	Queued = "queued" // waits for the device
	Sent   = "sent"   // on its way over the live session
)

// do runs fn as the owner of the device, between segments, with its state
// loaded. Error: ErrNoDevice.
func (d *Dispatcher) do(ctx context.Context, key device.Key, fn func(*Mailbox) error) error {
	m := d.mailbox(key)
	done := make(chan error, 1)
	m.post(func() {
		_, err := m.load(d.ctx)
		if err == nil {
			err = fn(m)
		}
		done <- err
	})
	m.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send queues a command for the device, connected or not, and returns its id
// and state once it is durable. Errors: ErrNoDevice, ErrQueueFull.
func (d *Dispatcher) Send(ctx context.Context, key device.Key, cmd runtime.Command) (id, state string, err error) {
	err = d.do(ctx, key, func(m *Mailbox) error {
		m.expireCommands(d.ctx)
		if _, err := m.load(d.ctx); err != nil {
			return err
		}
		c := Change{Outbox: m.queue(nil, cmd)}
		grows := c.Outbox[0].Verb == Add
		if box := &m.state.outbox; grows && box.Rows() >= d.Bounds.OutboxCommands || box.Bytes()+len(cmd.Body) > d.Bounds.OutboxBytes {
			return ErrQueueFull
		}
		if err := m.commit(d.ctx, &c); err != nil {
			return err
		}
		m.drain()
		id, state = commandID(c.Outbox[0].Row), Queued
		if m.state != nil {
			if _, sent := m.state.outbox.Find(id); sent {
				state = Sent
			}
		}
		return nil
	})
	return id, state, err
}

// PutKV writes one key of a device under a condition; ttl 0 keeps it for ever.
// The value is JSON text. Errors: ErrNoDevice, ErrKVFull, ErrPrecondition.
func (d *Dispatcher) PutKV(ctx context.Context, key device.Key, k string, value []byte, ttl time.Duration, only Condition) error {
	return d.do(ctx, key, func(m *Mailbox) error {
		if !only.holds(m.value(k)) {
			return ErrPrecondition
		}
		keys, bytes := len(m.state.kv), m.state.bytes+len(k)+len(value)
		if i, found := m.state.find(k); found {
			bytes -= len(k) + len(m.state.kv[i].Value)
		} else {
			keys++
		}
		if keys > d.Bounds.KVKeys || bytes > d.Bounds.KVBytes {
			return ErrKVFull
		}
		put := KVChange{KV: KV{Key: k, Value: value}}
		if ttl > 0 {
			put.Expires = d.millis() + ttl.Milliseconds()
		}
		return m.commit(d.ctx, &Change{KV: []KVChange{put}})
	})
}

// value is what a key has now, or nil. Owner goroutine only, with the state
// loaded.
func (m *Mailbox) value(k string) []byte {
	m.state.expire(m.d.millis())
	if i, found := m.state.find(k); found {
		return m.state.kv[i].Value
	}
	return nil
}

// DeleteKV deletes one key of a device under a condition and says whether it was
// there. Errors: ErrNoDevice, ErrPrecondition.
func (d *Dispatcher) DeleteKV(ctx context.Context, key device.Key, k string, only Condition) (was bool, err error) {
	err = d.do(ctx, key, func(m *Mailbox) error {
		value := m.value(k)
		if !only.holds(value) {
			return ErrPrecondition
		}
		if was = value != nil; !was {
			return nil
		}
		return m.commit(d.ctx, &Change{KV: []KVChange{{KV: KV{Key: k}, Delete: true}}})
	})
	return was, err
}

// Remove deletes the device, its state and its tokens, and closes its session.
// Events that wait are dropped. Error: ErrNoDevice.
func (d *Dispatcher) Remove(ctx context.Context, key device.Key) error {
	return d.do(ctx, key, func(m *Mailbox) error {
		if err := d.Catalog.Remove(d.ctx, key); err != nil {
			return err
		}
		m.state = nil
		m.mu.Lock()
		s := m.session
		m.session, m.script = nil, ""
		m.events, m.bytes, m.unacked = nil, 0, 0
		m.rejectRequests(offline("deleted"))
		m.makeRoom()
		m.mu.Unlock()
		if s != nil {
			s.Close(wire.CloseDeleted, "device deleted")
		}
		return nil
	})
}
