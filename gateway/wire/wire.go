// Package wire says what every dialect must speak: frames in and out, and what
// they mean once the dialect is forgotten.
//
// A dialect only translates. It knows no session, no device record, no script
// and no socket; registration, ping, close rules and dispatch are the session's.
package wire

import "time"

// Frame is one message of a connection.
type Frame struct {
	Binary bool
	Data   []byte
}

// Inbound is what a device said: Hello, Register, Message, Reply, Ack or
// Malformed.
type Inbound interface{ inbound() }

// Hello ends the opening of a session. Metadata is a JSON object or nil.
type Hello struct {
	Acks     bool
	Metadata []byte
}

// Register names the device in dialects whose upgrade does not.
type Register struct {
	ID       string
	Metadata []byte
}

// Message is what a device said, already decoded, dialect forgotten.
type Message struct {
	// ID is the device's own id of the message (1 to 64 characters), or "": then it is
	// delivered at most once and not acknowledged.
	ID string
	// Body is the message as JSON object text, numbers as the device wrote them.
	Body []byte
	// Ref is the codec's opaque token for a dialect that answers requests.
	Ref any
}

// Reply answers a command that awaits one. Exactly one of Result and Error is
// set.
type Reply struct {
	Re     string
	Result []byte
	Error  []byte
}

// Ack says that the device took the command with this id.
type Ack struct{ ID string }

// Malformed is a frame that means nothing. Fatal asks the session to close with
// Close; otherwise the session answers with Refused and counts it.
type Malformed struct {
	Code    string // bad_json, missing_type, bad_type, bad_id, …
	Message string
	ID      string // the frame's $id where it could be read
	Fatal   bool
	Close   CloseCode
}

func (Hello) inbound()     {}
func (Register) inbound()  {}
func (Message) inbound()   {}
func (Reply) inbound()     {}
func (Ack) inbound()       {}
func (Malformed) inbound() {}

// Outbound is what the gateway says to a device: Welcome, Command, Acked or
// Refused.
type Outbound interface{ outbound() }

// Welcome is the first frame of a session where the dialect has one.
type Welcome struct {
	Device  string
	Session string
	Time    time.Time
	Limits  Limits
}

// Command carries a script's command. ID is "" when the device is not to
// acknowledge it.
type Command struct {
	ID   string
	Body []byte // JSON object text with "type"
}

// Acked acknowledges a device's message.
type Acked struct {
	ID     string
	Status Status
	Error  []byte // JSON object {name, message} with StatusError, or nil
}

// Refused answers a frame that was not understood.
type Refused struct {
	Code    string
	Message string
	ID      string
}

func (Welcome) outbound() {}
func (Command) outbound() {}
func (Acked) outbound()   {}
func (Refused) outbound() {}

// Status is what became of an acknowledged message.
type Status string

// The statuses. Ok and Failed are stored and never change; Retry means nothing
// ran or was stored, the device sends again.
const (
	Ok     Status = "ok"
	Failed Status = "error"
	Retry  Status = "retry"
)

// Limits are what the server enforces on a connection, told in Welcome. Sizes
// are bytes.
type Limits struct {
	Frame      int
	Depth      int
	Nodes      int
	Window     int
	Ping       time.Duration
	Idle       time.Duration
	HelloAfter time.Duration
}

// DefaultLimits are the limits of a server that configures none.
func DefaultLimits() Limits {
	return Limits{
		Frame:      64 << 10,
		Depth:      32,
		Nodes:      10_000,
		Window:     16,
		Ping:       25 * time.Second,
		Idle:       60 * time.Second,
		HelloAfter: 10 * time.Second,
	}
}

// Capabilities is what a dialect can do; the session obeys it.
type Capabilities struct {
	Acks   bool // commands can be acknowledged
	RPC    bool // commands can be answered
	Binary bool // speaks binary frames; text is refused with 1003, and the reverse
}

// Dialect is a wire protocol.
type Dialect interface {
	// Name is the subprotocol or path name of the dialect.
	Name() string
	Capabilities() Capabilities
	// New makes the codec of one connection.
	New(Limits) Codec
}

// Codec translates one connection. Decode and Encode are called by one
// goroutine each, and may share state only where the codec guards it.
type Codec interface {
	// Decode never fails: what it cannot read is Malformed. The result may keep
	// references into the frame's data.
	Decode(Frame) Inbound
	// Encode appends the frame's bytes to buf; the frame's data is the extended
	// buf. False means that the dialect has no such frame and nothing is sent.
	Encode(buf []byte, out Outbound) (Frame, bool)
}

// CloseCode is a WebSocket close code.
type CloseCode int

// The close codes the gateway uses.
const (
	CloseNormal      CloseCode = 1000
	CloseAway        CloseCode = 1001
	CloseProtocol    CloseCode = 1002
	CloseUnsupported CloseCode = 1003
	CloseInvalid     CloseCode = 1007
	ClosePolicy      CloseCode = 1008
	CloseTooBig      CloseCode = 1009
	CloseInternal    CloseCode = 1011
	CloseRestart     CloseCode = 1012
	CloseTryLater    CloseCode = 1013
	CloseReplaced    CloseCode = 4001
	CloseRevoked     CloseCode = 4003
	CloseDeleted     CloseCode = 4004
	CloseRegister    CloseCode = 4008
	CloseDisabled    CloseCode = 4423
)
