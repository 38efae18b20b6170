package native

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tendril-run/tendril/gateway/wire"
)

// Encode appends one frame.
func (codec) Encode(buf []byte, out wire.Outbound) (wire.Frame, bool) {
	switch out := out.(type) {
	case wire.Command:
		buf = appendCommand(buf, out)
	case wire.Acked:
		buf = appendAcked(buf, out)
	case wire.Refused:
		buf = appendRefused(buf, out)
	case wire.Welcome:
		buf = appendWelcome(buf, out)
	default:
		return wire.Frame{}, false
	}
	return wire.Frame{Data: buf}, true
}

// appendCommand puts the $id behind the type, where the type comes first as the
// script wrote it, else in front, and leaves the rest of the text as it is.
func appendCommand(buf []byte, c wire.Command) []byte {
	body := own(c.Body)
	if c.ID == "" {
		return append(buf, body...)
	}
	const lead = `{"type":"`
	if n := bytes.IndexByte(body[min(len(lead), len(body)):], '"'); n > 0 && string(body[:len(lead)]) == lead {
		if end := len(lead) + n + 1; bytes.IndexByte(body[:end], '\\') < 0 {
			buf = append(append(buf, body[:end]...), `,"$id":`...)
			buf = appendString(buf, c.ID)
			return append(buf, body[end:]...)
		}
	}
	rest := bytes.TrimLeft(bytes.TrimLeft(body, " \t\r\n")[1:], " \t\r\n")
	buf = append(buf, `{"$id":`...)
	buf = appendString(buf, c.ID)
	if rest[0] != '}' {
		buf = append(buf, ',')
	}
	return append(buf, rest...)
}

// own is a command without members that are the envelope's, should a script have
// written some.
func own(body []byte) []byte {
	if bytes.IndexByte(body, '$') < 0 && !bytes.Contains(body, []byte(`\u0024`)) {
		return body
	}
	var found [2]wire.Member
	if wire.Scan(body, wire.Limits{Depth: anyDepth, Nodes: math.MaxInt}, names[atID:atRe+1], found[:]) != nil {
		return body
	}
	return wire.Cut(body, found[0], found[1])
}

// anyDepth is deeper than any command that a script can make.
const anyDepth = 1000

func appendAcked(buf []byte, a wire.Acked) []byte {
	buf = append(buf, `{"type":"$ack","$id":`...)
	buf = appendString(buf, a.ID)
	buf = append(buf, `,"status":`...)
	buf = appendString(buf, string(a.Status))
	if a.Error != nil {
		buf = append(buf, `,"error":`...)
		buf = append(buf, a.Error...)
	}
	return append(buf, '}')
}

func appendRefused(buf []byte, r wire.Refused) []byte {
	buf = append(buf, `{"type":"$error","code":`...)
	buf = appendString(buf, r.Code)
	buf = append(buf, `,"message":`...)
	buf = appendString(buf, r.Message)
	if r.ID != "" {
		buf = append(buf, `,"$id":`...)
		buf = appendString(buf, r.ID)
	}
	return append(buf, '}')
}

func appendWelcome(buf []byte, w wire.Welcome) []byte {
	buf = append(buf, `{"type":"$welcome","device":`...)
	buf = appendString(buf, w.Device)
	buf = append(buf, `,"session":`...)
	buf = appendString(buf, w.Session)
	buf = append(buf, `,"time":`...)
	buf = strconv.AppendInt(buf, w.Time.UnixMilli(), 10)
	for _, l := range []struct {
		name  string
		value int64
	}{
		{`,"limits":{"frame":`, int64(w.Limits.Frame)},
		{`,"depth":`, int64(w.Limits.Depth)},
		{`,"nodes":`, int64(w.Limits.Nodes)},
		{`,"window":`, int64(w.Limits.Window)},
		{`,"ping_ms":`, int64(w.Limits.Ping / time.Millisecond)},
		{`,"idle_ms":`, int64(w.Limits.Idle / time.Millisecond)},
		{`,"hello_ms":`, int64(w.Limits.HelloAfter / time.Millisecond)},
	} {
		buf = append(buf, l.name...)
		buf = strconv.AppendInt(buf, l.value, 10)
	}
	return append(buf, "}}"...)
}

const hex = "0123456789abcdef"

// appendString appends text as a JSON string. What is no UTF-8 becomes U+FFFD.
func appendString(buf []byte, text string) []byte {
	buf = append(buf, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				buf = append(buf, text[from:i]...)
				buf = append(buf, "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		buf = append(buf, text[from:i]...)
		if c < ' ' {
			buf = append(buf, `\u00`...)
			buf = append(buf, hex[c>>4], hex[c&15])
		} else {
			buf = append(buf, '\\', c)
		}
		i++
		from = i
	}
	buf = append(buf, text[from:]...)
	return append(buf, '"')
}
