// Package runtime holds the nouns of what a script sees and says: the event
// that wakes it, the segments of effects it gives back, the operations it waits
// for, and the limits around it. They cross the pipe between the gateway and its
// worker processes as bytes.
//
// It knows no JavaScript engine, no database, no network and no device: a
// device is an opaque string here.
package runtime

import "time"

// EventKind says what woke a script.
type EventKind string

// The kinds of events. Deploy calls the same handler as Connect.
const (
	Connect    EventKind = "connect"
	Message    EventKind = "message"
	Disconnect EventKind = "disconnect"
	Deploy     EventKind = "deploy"
)

// Handler is the name of the exported handler that an event of this kind calls,
// or "" for a kind that is unknown.
func (k EventKind) Handler() string {
	switch k {
	case Connect, Deploy:
		return "onDeviceConnect"
	case Message:
		return "onMessage"
	case Disconnect:
		return "onDeviceDisconnect"
	}
	return ""
}

// Event is what wakes a script.
type Event struct {
	// ID names the event in log rows: the device's own $id where it gave one.
	ID   string
	Kind EventKind
	// Payload is the handler's first argument as JSON text: the message as the
	// device said it, or an info object ({"reason":…}).
	Payload []byte
}

// Command is what a script says to its device: one JSON object with a string
// "type". The zero TTL means the default of the outbox.
type Command struct {
	Body    []byte
	TTL     time.Duration
	Key     string // replaces an older waiting command of the same key
	Durable bool   // stored until written, even for a session without acknowledgements
}

// KVWrite is one change of a device's key-value state, in call order. Delete
// leaves Value nil.
type KVWrite struct {
	Key    string
	Value  []byte // JSON text; nil deletes
	TTL    time.Duration
	Delete bool
}

// KVPair is a key with its value as JSON text.
type KVPair struct {
	Key   string
	Value []byte
}

// Snapshot is the key-value state an invocation starts a segment with. Complete
// says that no other key exists; otherwise misses are fetched with a Read.
type Snapshot struct {
	Complete bool
	Pairs    []KVPair // ascending byte order of Key
}

// Read asks the owner of the device for key-value state that the snapshot does
// not carry: one key, or a list.
type Read struct {
	ID    uint64
	List  bool
	Key   string // with List: the prefix
	After string
	Limit int
}

// ReadResult answers a Read: at most one pair for a key, in byte order for a
// list.
type ReadResult struct {
	ID    uint64
	Pairs []KVPair
}

// OperationKind says what outside thing a script waits for.
type OperationKind string

// The kinds of operations.
const (
	Timer   OperationKind = "timer"
	Request OperationKind = "request"
)

// Operation is something outside that a script wants begun once its segment is
// durable. The gateway performs it; the worker never does.
type Operation struct {
	ID      uint64 // unique within the invocation
	Kind    OperationKind
	Command Command       // Request
	Wait    time.Duration // Timer: delay; Request: time-out
}

// Result ends one Operation. A Request's Value is the reply frame as JSON text.
// Error is nil on success.
type Result struct {
	ID    uint64
	Value []byte
	Error *ScriptError
}

// Level orders log lines.
type Level string

// The levels, lowest first.
const (
	Debug Level = "debug"
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// Rank is the level's place in the order debug < info < warn < error, and -1
// for a word that is no level.
func (l Level) Rank() int {
	switch l {
	case Debug:
		return 0
	case Info:
		return 1
	case Warn:
		return 2
	case Error:
		return 3
	}
	return -1
}

// Line is one structured log line of a script. Time is epoch milliseconds.
type Line struct {
	Time    int64
	Level   Level
	Message string
	Fields  []byte // JSON object text, or nil
}

// Quota is what is left to an invocation at the start of a segment. Scripts are
// judged against it at the call; the gateway checks the worker's arithmetic.
type Quota struct {
	Connected   bool
	Acks        bool
	OutboxRows  int
	OutboxBytes int
	KVKeys      int
	KVBytes     int
	Budget      time.Duration // CPU time left to the event
	Wall        time.Duration // wall time left to the event
	Vars        uint64        // revision of the project's variables
}

// Invocation is one event to be run against one version.
type Invocation struct {
	Device   string // opaque key, for logs of the pool only
	DeviceID string // env.DEVICE.id
	Project  string // opaque; the pool shares workers fairly by it
	Version  string // UUID of the version; names the bundle in a worker
	Event    Event
	KV       Snapshot
	Quota    Quota
	Limits   Limits
}

// Resume continues a waiting invocation with exactly one result. KV is nil when
// the state did not change since the last segment.
type Resume struct {
	Result Result
	KV     *Snapshot
	Quota  Quota
}

// Segment is a stretch of an invocation between two waits. Its effects are
// committed together, or not at all.
type Segment struct {
	KV       []KVWrite
	Commands []Command
	Lines    []Line
	Begin    []Operation // to begin once the effects are durable
	Cancel   []uint64    // operations no longer wanted
	Waiting  int         // operations outstanding after this segment, Begin included
	CPU      time.Duration
	Outcome  *Outcome // set on the last segment of an invocation
}

// Outcome is how an invocation ended. Value is the handler's return value as
// JSON text (nil for undefined). Error is nil when the handler settled well. An
// outcome with an Error carries no effects but lines.
type Outcome struct {
	Value []byte
	Error *ScriptError
}
