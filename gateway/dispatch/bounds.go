package dispatch

import (
	"time"

	"github.com/tendril-run/tendril/gateway"
)

// Bounds are what a device may hold and how long things wait. Sizes are bytes.
// The zero value is not usable; start from DefaultBounds.
type Bounds struct {
	MailboxEvents, MailboxBytes int // waiting events; beyond it the reader waits
	KVKeys, KVBytes             int // key-value state
	OutboxCommands, OutboxBytes int // waiting commands
	CommandTTL, CommandTTLMax   time.Duration
	AckWindow                   int           // commands sent and not acknowledged
	AckWait                     time.Duration // of the oldest of them, on a live socket
	IDs                         int           // message ids remembered
	IDAge                       time.Duration // and for how long at least
	StateCache                  int           // bytes of states kept in memory, of all devices
}

// DefaultBounds are those of a server that configures none.
func DefaultBounds() Bounds {
	return Bounds{
		MailboxEvents: mailboxEvents, MailboxBytes: mailboxBytes,
		KVKeys: kvKeys, KVBytes: kvBytes,
		OutboxCommands: gateway.OutboxRows, OutboxBytes: gateway.OutboxBytes,
		CommandTTL: defaultTTL, CommandTTLMax: maxTTL,
		AckWindow: ackWindow, AckWait: ackWait,
		IDs: windowIDs, IDAge: windowAge,
		StateCache: stateCacheBytes,
	}
}
