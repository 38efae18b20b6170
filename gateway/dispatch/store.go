// Package dispatch gives every device a mailbox and runs its events in order:
// it resolves the live version, hands the event to a worker, commits what comes
// back and only then lets it take effect.
//
// It knows no socket, no SQL and no JavaScript engine.
package dispatch

import (
	"context"
	"errors"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/logs"
)

// Errors of the store door.
var (
	// ErrFenced says that a newer epoch owns the device.
	ErrFenced = errors.New("fenced by a newer owner")
	// ErrConflict says that the device's state is not the one the change expects:
	// load it again.
	ErrConflict = errors.New("conflicting change")
	// ErrNoDevice says that there is no such device.
	ErrNoDevice = errors.New("no such device")
	// ErrFull says that the store has no room; nothing was written.
	ErrFull = errors.New("storage full")
	// ErrUnavailable says that the store's file or device failed, or is locked by
	// another program; nothing was acknowledged and it may work again.
	ErrUnavailable = errors.New("storage unavailable")
)

// Epoch numbers the ownership of devices. It is constant on one node and grows
// with every change of owner.
type Epoch uint64

// Rev is a device's revision, chosen by the store and compared for equality
// only.
type Rev string

// Store keeps everything durable about devices. It is called by the owner of a
// device's mailbox, one call at a time for a device.
type Store interface {
	// Load claims the device for the epoch and fences older ones.
	// Errors: ErrFenced, ErrNoDevice.
	Load(ctx context.Context, key device.Key, epoch Epoch) (State, Rev, error)
	// Commit makes a change durable before it returns, whole or not at all, and
	// sets the Row of every added command. Errors: ErrFenced, ErrConflict,
	// ErrNoDevice, ErrFull. The store may put several devices' changes in one
	// write; each gets its own result.
	Commit(ctx context.Context, change Change) (Rev, error)
}

// State is what is durable about a device.
type State struct {
	KV     []KV     // ascending byte order of Key
	Outbox []Stored // ascending Row
	Seen   []Seen   // the id window, oldest first
	Ran    string   // UUID of the version that ran its last committed event, or ""
}

// KV is a key with its value. Expires is epoch milliseconds, 0 is never.
type KV struct {
	Key     string
	Value   []byte // JSON text
	Expires int64
}

// Stored is a waiting command. Its $id on the wire is "c-" and Row; a Row is
// never used again.
type Stored struct {
	Row     int64
	Body    []byte
	Key     string
	Expires int64 // epoch milliseconds
	Durable bool
}

// Seen is a message id with what became of it. Status is "running", "ok" or
// "error". Ack is the error object as JSON text, or nil. At is epoch
// milliseconds.
type Seen struct {
	ID     string
	Status string
	Ack    []byte
	At     int64
}

// KVChange puts or deletes one key.
type KVChange struct {
	KV
	Delete bool
}

// OutboxVerb says what to do to a waiting command.
type OutboxVerb string

// The verbs. Replace removes Old and adds a new row; Acknowledge, Expire and
// Purge remove Row.
const (
	Add         OutboxVerb = "add"
	Replace     OutboxVerb = "replace"
	Acknowledge OutboxVerb = "acknowledge"
	Expire      OutboxVerb = "expire"
	Purge       OutboxVerb = "purge"
)

// OutboxChange is one change of the outbox, in order.
type OutboxChange struct {
	Verb OutboxVerb
	Stored
	Old int64 // the row that Replace removes
}

// Change is what one commit asks of the store for one device.
type Change struct {
	Key    device.Key
	Epoch  Epoch
	Expect Rev
	Seen   []Seen   // added, or updated where the id is known
	Forget []string // ids that left the window
	KV     []KVChange
	Outbox []OutboxChange
	Ran    string // "" leaves it
	Log    *logs.Record
}
