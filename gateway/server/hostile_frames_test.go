package server_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// message is a valid message of exactly n bytes.
func message(n int) string {
	const frame = `{"type":"r","s":""}`
	return `{"type":"r","s":"` + strings.Repeat("x", n-len(frame)) + `"}`
}

func closing(code uint16, reason string) string {
	return rawFrame(0x88, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// reframed is a frame whose length is written as it is given.
func reframed(head byte, length []byte, payload string) string {
	return string(head) + string(length[0]|0x80) + string(length[1:]) + "\x00\x00\x00\x00" + payload
}

// manyKeys are members with keys that differ.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return b.String()
}

func TestHostileFramesCloseTheConnection(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	text := func(payload string) string { return rawFrame(0x81, payload) }
	type hostile struct {
		name, bytes string
		code        int
	}
	tests := []hostile{
		{"unmasked frame", "\x81\x0c" + `{"type":"r"}`, 1002},
		{"RSV1", rawFrame(0xC1, `{"type":"r"}`), 1002},
		{"RSV2", rawFrame(0xA1, `{"type":"r"}`), 1002},
		{"RSV3", rawFrame(0x91, `{"type":"r"}`), 1002},
		{"unknown opcode", rawFrame(0x83, `{"type":"r"}`), 1002},
		{"continuation first", rawFrame(0x80, `{"type":"r"}`), 1002},
		{"new text inside fragments", rawFrame(0x01, `{"type":`) + text(`{"type":"r"}`), 1002},
		{"ping of 126 bytes", rawFrame(0x89, strings.Repeat("p", 126)), 1002},
		{"fragmented ping", rawFrame(0x09, "p"), 1002},
		{"close reason that is not UTF-8", closing(1000, "\xff\xfe"), 1007},
		{"half a close code", rawFrame(0x88, "\x03"), 1002},
		{"binary frame", rawFrame(0x82, `{"type":"r"}`), 1003},
		{"UTF-8 surrogate", text("{\"type\":\"\xed\xa0\x80\"}"), 1007},
		{"UTF-8 overlong", text("{\"type\":\"\xc0\xaf\"}"), 1007},
		{"UTF-8 beyond U+10FFFF", text("{\"type\":\"\xf4\x90\x80\x80\"}"), 1007},
		{"UTF-8 cut by the end", rawFrame(0x01, "{\"type\":\"\xe2") + rawFrame(0x80, "\x82"), 1007},
		{"UTF-8 broken over fragments", rawFrame(0x01, "{\"type\":\"\xe2") + rawFrame(0x00, "\x28"), 1007},
		{"invalid UTF-8 in a string", text("{\"type\":\"r\",\"s\":\"\xff\"}"), 1007},
		{"64 KiB and a byte", text(message(64<<10 + 1)), 1009},
		{"1 MiB", text(message(1 << 20)), 1009},
		{"100,000 keys", text(`{"type":"r"` + manyKeys(100_000) + `}`), 1009},
		{"length with its highest bit", reframed(0x81, []byte{127, 128, 0, 0, 0, 0, 0, 0, 5}, "hello"), 1002},
		{"length not in its shortest form", reframed(0x81, []byte{126, 0, 12}, `{"type":"r"}`), 1002},
		{"1,025 fragments", rawFrame(0x01, `{"type":"r"`) + strings.Repeat(rawFrame(0x00, " "), 1023) + rawFrame(0x80, "}"), 1008},
		{"1,025 fragments, most of them empty", rawFrame(0x01, `{"type":"r"}`) + strings.Repeat(rawFrame(0x00, ""), 1023) + rawFrame(0x80, ""), 1008},
		{"data after close", closing(1000, "bye") + text(`{"type":"r"}`), 1000},
		{"close without a code", rawFrame(0x88, "") + text(`{"type":"r"}`), 1005},
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		tests = append(tests, hostile{fmt.Sprint("close ", code), closing(code, ""), 1002})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := v.count("prey")
			r := v.upgrade(t)
			go r.send(tt.bytes)
			if code := r.closed(); code != tt.code {
				t.Errorf("closed with %d, want %d", code, tt.code)
			}
			if got := v.count("prey"); got != before {
				t.Errorf("it took effect: %s messages ran, before %s", got, before)
			}
			v.unharmed(t)
		})
	}
	// A frame that is good takes effect, whatever comes behind it.
	t.Run("good frame before a bad one", func(t *testing.T) {
		r := v.upgrade(t)
		r.send(text(`{"type":"r","good":true,"$id":"good"}`) + rawFrame(0xC1, "bad"))
		if code := r.closed(); code != 1002 {
			t.Errorf("closed with %d", code)
		}
		eventually(t, func() bool { return strings.Contains(v.value("prey", "last"), "good") })
		v.unharmed(t)
	})
}

func TestUnusualFramesAreTaken(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	pong := func(r raw, want string) {
		if op, got := r.next(); op != 10 || string(got) != want {
			r.t.Errorf("ping %q is answered with %d %q", want, op, got)
		}
	}
	for _, tt := range []struct {
		name, bytes string
		pongs       []string
	}{
		{"ping between fragments", rawFrame(0x01, `{"type":"r","$id"`) + rawFrame(0x89, "hi") + rawFrame(0x80, `:"m-ping"}`), []string{"hi"}},
		{"ping of 125 bytes", rawFrame(0x89, strings.Repeat("p", 125)) + rawFrame(0x81, `{"type":"r","$id":"m-125"}`), []string{strings.Repeat("p", 125)}},
		{"unasked pongs", rawFrame(0x8A, "unasked") + rawFrame(0x8A, "") + rawFrame(0x81, `{"type":"r","$id":"m-pong"}`), nil},
		{"empty fragments", rawFrame(0x01, "") + rawFrame(0x00, "") + rawFrame(0x00, `{"type":"r","$id":"m-empty"}`) + rawFrame(0x80, ""), nil},
		{"1,024 fragments", rawFrame(0x01, `{"type":"r","$id":"m-1024"`) + strings.Repeat(rawFrame(0x00, " "), 1022) + rawFrame(0x80, `}`), nil},
		{"character over fragments", rawFrame(0x01, "{\"type\":\"r\",\"$id\":\"m-\xf0\x9f") + rawFrame(0x00, "\x98") + rawFrame(0x80, "\x80\"}"), nil},
		{"64 KiB", rawFrame(0x81, strings.Replace(message(64<<10-len(`"$id":"m-64",`)), "{", `{"$id":"m-64",`, 1)), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := v.upgrade(t)
			go r.send(tt.bytes)
			for _, want := range tt.pongs {
				pong(r, want)
			}
			if got := r.hearKind("$ack"); got["status"] != "ok" {
				t.Errorf("acknowledged with %v", got)
			}
			_ = r.Close()
			v.unharmed(t)
		})
	}
	t.Run("pong twice for a ping", func(t *testing.T) {
		v := newVictim(t, limited("ping=100ms"))
		r := v.upgrade(t)
		for range 3 {
			op, payload := r.next()
			if op != 9 {
				t.Fatalf("heard %d %q, want a ping", op, payload)
			}
			r.send(rawFrame(0x8A, string(payload)) + rawFrame(0x8A, string(payload)))
		}
		r.say(`{"type":"r","$id":"m-twice"}`)
		if got := r.hearKind("$ack"); got["status"] != "ok" {
			t.Errorf("acknowledged with %v", got)
		}
		_ = r.Close()
		v.unharmed(t)
	})
}
