package native

import (
	"errors"
	"unicode/utf8"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Members of the envelope, by their place in names.
const (
	atType = iota
	atID
	atRe
	atAcks
	atMetadata
)

var names = []string{atType: "type", atID: "$id", atRe: "$re", atAcks: "acks", atMetadata: "metadata"}

// envelope is a frame that is valid JSON, and where its members are.
type envelope struct {
	data  []byte
	found [5]wire.Member
}

// Decode reads one frame. A message or a reply keeps the text of the frame but
// for the members $id and $re, which are the envelope's: numbers reach whoever
// passes them on as the device wrote them, and a script as doubles.
func (c codec) Decode(f wire.Frame) wire.Inbound {
	e := envelope{data: f.Data}
	if err := wire.Scan(f.Data, wire.Limits{Depth: c.depth, Nodes: c.nodes}, names, e.found[:]); err != nil {
		var bad *wire.JSONError
		if !errors.As(err, &bad) {
			return wire.Malformed{Code: wire.BadJSON, Message: err.Error()}
		}
		return wire.Malformed{Code: bad.Code, Message: bad.Error()}
	}
	id, ok := e.id(atID)
	if !ok {
		return wire.Malformed{Code: BadID, Message: "$id is 1 to 64 characters of text"}
	}
	if !e.found[atType].Found() {
		return wire.Malformed{Code: MissingType, Message: "the frame has no type", ID: id}
	}
	kind, ok := e.found[atType].Text(f.Data)
	if !ok || !short(kind) {
		return wire.Malformed{Code: BadType, Message: "type is 1 to 64 characters of text", ID: id}
	}
	if kind[0] == '$' {
		return e.special(string(kind), id)
	}
	return e.ordinary(id)
}

// ordinary is a message, or a reply.
func (e *envelope) ordinary(id string) wire.Inbound {
	re, ok := e.id(atRe)
	if !ok {
		return wire.Malformed{Code: BadID, Message: "$re is 1 to 64 characters of text", ID: id}
	}
	body := wire.Cut(e.data, e.found[atID], e.found[atRe])
	if re != "" {
		return wire.Reply{Re: re, Result: body}
	}
	return wire.Message{ID: id, Body: body}
}

// special is a frame of the envelope.
func (e *envelope) special(kind, id string) wire.Inbound {
	switch kind {
	case typeAck:
		if id == "" {
			return wire.Malformed{Code: BadID, Message: "$ack needs an $id"}
		}
		return wire.Ack{ID: id}
	case typeHello:
		return e.hello(id)
	}
	return wire.Malformed{Code: BadType, Message: "no frame of a device has this type; other types do not begin with $", ID: id}
}

func (e *envelope) hello(id string) wire.Inbound {
	var h wire.Hello
	if acks := e.found[atAcks]; acks.Found() {
		switch string(acks.Value(e.data)) {
		case "true":
			h.Acks = true
		case "false":
		default:
			return wire.Malformed{Code: BadHello, Message: "acks is true or false", ID: id}
		}
	}
	if metadata := e.found[atMetadata]; metadata.Found() {
		if h.Metadata = metadata.Value(e.data); h.Metadata[0] != '{' {
			return wire.Malformed{Code: BadHello, Message: "metadata is an object", ID: id}
		}
	}
	return h
}

// id reads $id or $re, "" when the frame has none. False: it is no id.
func (e *envelope) id(at int) (string, bool) {
	m := e.found[at]
	if !m.Found() {
		return "", true
	}
	text, ok := m.Text(e.data)
	if !ok || !short(text) {
		return "", false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return "", false
		}
	}
	return string(text), true
}

func short(text []byte) bool {
	return len(text) > 0 && (len(text) <= maxName || utf8.RuneCount(text) <= maxName)
}
