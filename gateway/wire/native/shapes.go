package native

import (
	"encoding/json"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Shape is one frame of the envelope: the frame's "type", who says it, and a
// sample of its fields.
type Shape struct {
	Type   string
	Device bool // said by the device; else by the gateway
	Fields any  // a struct whose JSON fields stand beside "type"
}

// Shapes are the frames whose types begin with "$". Every other frame is a
// message or a command and belongs to the user.
func Shapes() []Shape {
	return []Shape{
		{Type: typeWelcome, Fields: WelcomeFrame{
			Device: "thermostat-1", Session: "s1", Time: 1767225600000, Limits: WelcomeLimits{
				Frame: 65536, Depth: 32, Nodes: 10000, Window: 16, PingMS: 25000, IdleMS: 60000, HelloMS: 10000,
			}}},
		{Type: typeHello, Device: true, Fields: HelloFrame{Acks: true, Metadata: json.RawMessage(`{"firmware":"1.2.0"}`)}},
		{Type: typeAck, Fields: AckedFrame{ID: "m-1", Status: wire.Ok}},
		{Type: typeAck, Device: true, Fields: TakenFrame{ID: "c-7"}},
		{Type: typeError, Fields: ErrorFrame{Code: "bad_json", Message: "unexpected end of input"}},
	}
}

// WelcomeFrame is the first frame of a connection: who the gateway takes the
// device for, and what it enforces.
type WelcomeFrame struct {
	Device  string `json:"device"`
	Session string `json:"session"`
	// Time is the gateway's clock in epoch milliseconds.
	Time   int64         `json:"time"`
	Limits WelcomeLimits `json:"limits"`
}

// WelcomeLimits are what the gateway enforces on a connection.
type WelcomeLimits struct {
	// Frame is the largest frame, in bytes.
	Frame int `json:"frame"`
	// Depth is the deepest nesting of JSON.
	Depth int `json:"depth"`
	// Nodes is how many values a frame may hold.
	Nodes int `json:"nodes"`
	// Window is how many commands may wait for their acknowledgement.
	Window int `json:"window"`
	// PingMS is the time between pings, in milliseconds.
	PingMS int64 `json:"ping_ms"`
	// IdleMS is the silence that ends a connection, in milliseconds.
	IdleMS int64 `json:"idle_ms"`
	// HelloMS is how long the gateway waits for a HelloFrame, in milliseconds.
	HelloMS int64 `json:"hello_ms"`
}

// HelloFrame is the first frame of a device that offered a subprotocol.
type HelloFrame struct {
	// Acks turns on the acknowledgement of commands.
	Acks bool `json:"acks,omitempty"`
	// Metadata is shown with the device: name, label, firmware and the like.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// AckedFrame acknowledges a device's message after what it did is durable.
type AckedFrame struct {
	// ID is the id that the device gave its message.
	ID     string      `json:"$id"`
	Status wire.Status `json:"status"`
	// Error says why the status is error.
	Error *AckedError `json:"error,omitempty"`
}

// AckedError is how the script failed.
type AckedError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// TakenFrame says that the device took a command.
type TakenFrame struct {
	// ID is the id that the command came with.
	ID string `json:"$id"`
}

// ErrorFrame refuses a frame of the device. The connection stays open.
type ErrorFrame struct {
	// Code is one of bad_json, missing_type, bad_type, bad_id, duplicate_key,
	// bad_number, too_deep, too_many_nodes, hello_first and bad_hello.
	Code    string `json:"code"`
	Message string `json:"message"`
	// ID is the refused frame's own id where it could be read.
	ID string `json:"$id,omitempty"`
}
