// Package native speaks tendril.v1.json: JSON objects in text frames, with an
// envelope of types and fields that begin with $.
//
// It knows what a frame means and how it looks. Whether a frame may come now, how
// often it may be wrong and what follows from it is the session's.
package native

import "github.com/tendril-run/tendril/gateway/wire"

// Name is the subprotocol.
const Name = "tendril.v1.json"

// Types of the envelope.
const (
	typeWelcome = "$welcome"
	typeHello   = "$hello"
	typeAck     = "$ack"
	typeError   = "$error"
)

// Codes of frames that cannot be read; those of the JSON itself are wire's.
const (
	MissingType = "missing_type"
	BadType     = "bad_type"
	BadID       = "bad_id"
	BadHello    = "bad_hello"
)

// maxName bounds types and ids, in characters.
const maxName = 64

// Dialect is the native dialect. The zero Dialect is ready.
type Dialect struct{}

// Name is the subprotocol that stands for the dialect.
func (Dialect) Name() string { return Name }

// Capabilities says that commands can be acknowledged and answered.
func (Dialect) Capabilities() wire.Capabilities {
	return wire.Capabilities{Acks: true, RPC: true}
}

// New makes the codec of one connection.
func (Dialect) New(limits wire.Limits) wire.Codec {
	return codec{depth: limits.Depth, nodes: limits.Nodes}
}

// codec keeps no state between frames.
type codec struct{ depth, nodes int }
