// Package gateway holds the live sessions of connected devices: who is
// connected, what is being said, what waits to be said.
//
// It knows no network library, no database and no engine. What devices say goes
// to an Inbox; bytes come from and go to a Conn.
package gateway

import (
	"context"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// Conn is one connection: frames, and no dialect. Read and Write are called by
// one goroutine each; Close and Drop by any, once or more.
type Conn interface {
	// Read blocks for the next frame. It has checked what the transport must:
	// size, UTF-8 of text. Its error, when the peer broke a rule, is a CloseError
	// whose code has been sent.
	Read(ctx context.Context) (wire.Frame, error)
	// Write sends one frame within the write deadline. The data is the caller's
	// again when it returns.
	Write(ctx context.Context, f wire.Frame) error
	// Ping sends a ping. It may wait a while for the pong, which counts as an
	// inbound frame (Watched).
	Ping(ctx context.Context) error
	// Close says the code to the peer within a second and drops the connection.
	Close(code wire.CloseCode, reason string)
	// Drop drops the connection at once.
	Drop()
}

// Inbox takes what sessions hear. The calls of one session come from its reader
// goroutine, in order, but for Written, which its writer calls, and Closed, which
// comes last, once, also for a session that was never ready. A session that takes
// another's place is ready after the other one's Closed.
type Inbox interface {
	// Ready says that the session may be spoken to: its connect event is queued and
	// its outbox drains. It blocks while the mailbox is full, as Message does.
	Ready(ctx context.Context, s *Session)
	// Message queues a message. It blocks while the mailbox is full, which stops
	// the reader; it returns early when ctx ends.
	Message(ctx context.Context, s *Session, m wire.Message)
	// Reply settles a waiting request; it never blocks.
	Reply(s *Session, r wire.Reply)
	// Acked says that the device took a command; it never blocks.
	Acked(s *Session, id string)
	// Written says that a delivery with a row was written to the socket of a session
	// without acknowledgements; it never blocks.
	Written(s *Session, d Delivery)
	// Closed says that the session ended and hands back what was not written, in
	// order. replaced is true when a newer session of the device took its place.
	Closed(s *Session, unwritten []Delivery, replaced bool)
}

// Presence keeps what is known of a device's connections. Calls never block on
// the disk.
type Presence interface {
	Online(key device.Key, at int64)
	Offline(key device.Key, at int64)
	Metadata(key device.Key, object []byte)
}

// Delivery is a command on its way to a socket.
type Delivery struct {
	Row     int64  // of the stored command, 0 for a direct one
	ID      string // its $id on the wire, "" for none
	Body    []byte
	Key     string
	Expires int64 // epoch milliseconds
}
