package ws

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"
)

const testLimit = 64 << 10

// masked builds a frame with a mask; head is its first byte, length its length as
// it is written.
func masked(head byte, length []byte, payload string) string {
	mask := [4]byte{0x11, 0xA2, 0x33, 0xF4}
	b := append([]byte{head, 0x80 | length[0]}, length[1:]...)
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

// said is a frame with its length in the shortest form.
func said(head byte, payload string) string {
	switch n := len(payload); {
	case n < 126:
		return masked(head, []byte{byte(n)}, payload)
	case n <= 0xFFFF:
		return masked(head, binary.BigEndian.AppendUint16([]byte{126}, uint16(n)), payload)
	default:
		return masked(head, binary.BigEndian.AppendUint64([]byte{127}, uint64(n)), payload)
	}
}

// judged feeds a stream in pieces and returns what is good of it, with the mask
// taken off, and the code of what is not: 0 for none, -1 behind a close frame.
func judged(stream string, piece func() int) (good []byte, code int) {
	f := frames{limit: testLimit}
	for rest := []byte(stream); len(rest) > 0; {
		n := min(piece(), len(rest))
		part := bytes.Clone(rest[:n])
		rest = rest[n:]
		n, err := f.check(part)
		good = append(good, part[:n]...)
		if errors.Is(err, io.EOF) {
			return good, -1
		}
		if err != nil {
			return good, CloseCode(err)
		}
	}
	return good, 0
}

func whole() int  { return 1 << 30 }
func bytely() int { return 1 }

func TestFramesAreJudgedToTheLetter(t *testing.T) {
	t.Parallel()
	text, big := strings.Repeat("x", 126), strings.Repeat("x", 0x10000)
	tests := []struct {
		name, stream string
		code         int
	}{
		{"text", said(0x81, "{}"), 0},
		{"empty text", said(0x81, ""), 0},
		{"126 bytes", said(0x81, text), 0},
		{"64 KiB", said(0x82, big), 0},
		{"fragments", said(0x01, "a") + said(0x00, "") + said(0x89, "ping") + said(0x8A, "") + said(0x80, "b"), 0},
		{"ping of 125", said(0x89, text[1:]), 0},
		{"character over fragments", said(0x01, "\xf0\x9f") + said(0x00, "\x98") + said(0x89, "\xff") + said(0x80, "\x80"), 0},
		{"binary that is not UTF-8", said(0x82, "\xff"), 0},
		{"close", said(0x88, "\x03\xe8bye \xc3\xa9"), 0},
		{"close without a code", said(0x88, ""), 0},
		{"close with an own code", said(0x88, "\x0f\xa0"), 0},
		{"1024 fragments", said(0x01, "") + strings.Repeat(said(0x00, ""), 1022) + said(0x80, ""), 0},

		{"without a mask", "\x81\x02{}", 1002},
		{"ping without a mask", "\x89\x00", 1002},
		{"reserved bit 1", said(0xC1, ""), 1002},
		{"reserved bit 2", said(0xA1, ""), 1002},
		{"reserved bit 3", said(0x91, ""), 1002},
		{"reserved bit of a ping", said(0xC9, ""), 1002},
		{"opcode 3", said(0x83, ""), 1002},
		{"opcode 7", said(0x87, ""), 1002},
		{"opcode 11", said(0x8B, ""), 1002},
		{"opcode 15", said(0x8F, ""), 1002},
		{"continuation first", said(0x80, ""), 1002},
		{"continuation after a message", said(0x81, "") + said(0x00, ""), 1002},
		{"text inside a message", said(0x01, "") + said(0x81, ""), 1002},
		{"binary inside a message", said(0x01, "") + said(0x02, ""), 1002},
		{"ping of 126", said(0x89, text), 1002},
		{"pong of 126", said(0x8A, text), 1002},
		{"close of 126", said(0x88, text), 1002},
		{"fragmented ping", said(0x09, ""), 1002},
		{"fragmented close", said(0x08, ""), 1002},
		{"long form of 125", masked(0x81, []byte{126, 0, 125}, ""), 1002},
		{"longest form of 65535", masked(0x81, []byte{127, 0, 0, 0, 0, 0, 0, 255, 255}, ""), 1002},
		{"length with its highest bit", masked(0x81, []byte{127, 128, 0, 0, 0, 0, 0, 0, 1}, ""), 1002},
		{"close of one byte", said(0x88, "\x03"), 1002},

		{"1025 fragments", said(0x01, "") + strings.Repeat(said(0x00, ""), 1024), 1008},
		{"64 KiB and a byte", said(0x81, big+"x"), 1009},
		{"64 KiB and a fragment", said(0x01, big) + said(0x80, "x"), 1009},
		{"2^63-1 bytes", masked(0x81, []byte{127, 127, 255, 255, 255, 255, 255, 255, 255}, ""), 1009},

		{"invalid UTF-8", said(0x81, "\xff"), 1007},
		{"surrogate", said(0x81, "\xed\xa0\x80"), 1007},
		{"overlong", said(0x81, "\xc0\xaf"), 1007},
		{"beyond U+10FFFF", said(0x81, "\xf4\x90\x80\x80"), 1007},
		{"cut at the end", said(0x81, "\xe2\x82"), 1007},
		{"cut at the end of the last fragment", said(0x01, "\xe2") + said(0x80, "\x82"), 1007},
		{"invalid in the first fragment", said(0x01, "\xe2\x28"), 1007},
		{"invalid over fragments", said(0x01, "\xe2") + said(0x00, "\x28"), 1007},
		{"close reason that is not UTF-8", said(0x88, "\x03\xe8\xff"), 1007},
		{"close reason cut", said(0x88, "\x03\xe8\xe2\x82"), 1007},

		{"text after close", said(0x88, "\x03\xe8") + said(0x81, "{}"), -1},
		{"rubbish after close", said(0x88, "") + "\xff\xff\xff", -1},
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		tests = append(tests, struct {
			name, stream string
			code         int
		}{"close", said(0x88, string(binary.BigEndian.AppendUint16(nil, code))), 1002})
	}
	for _, tt := range tests {
		good, code := judged(tt.stream, whole)
		if code != tt.code {
			t.Errorf("%s: %d, want %d", tt.name, code, tt.code)
		}
		bitwise, code := judged(tt.stream, bytely)
		if code != tt.code || !bytes.HasPrefix(bitwise, good) {
			t.Errorf("%s, byte by byte: %d, want %d; %d bytes are good, want %d", tt.name, code, tt.code, len(bitwise), len(good))
		}
	}
}

// What is wrong is known at its first byte: none of these frames is whole.
func TestFramesAreJudgedEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stream string
		code         int
	}{
		{"reserved bit", "\xc1", 1002},
		{"no mask", "\x81\x02", 1002},
		{"ping of 126", "\x89\xfe", 1002},
		{"length not in its shortest form", "\x81\xfe\x00\x05", 1002},
		{"length over the limit", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01", 1009},
		{"invalid text", said(0x01, "ab\xff"+strings.Repeat("x", 50))[:9], 1007},
		{"forbidden close code", said(0x88, "\x03\xedreason")[:8], 1002},
	} {
		if _, code := judged(tt.stream, bytely); code != tt.code {
			t.Errorf("%s: %d, want %d", tt.name, code, tt.code)
		}
	}
}

func TestPayloadsAreUnmaskedHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	for range 200 {
		payload := make([]byte, r.Intn(400))
		for i := range payload {
			payload[i] = byte(r.Intn(256))
		}
		stream := said(0x82, string(payload)) + said(0x89, "hello")
		good, code := judged(stream, func() int { return 1 + r.Intn(40) })
		if code != 0 || !bytes.Contains(good, payload) || !bytes.HasSuffix(good, []byte("\x00\x00\x00\x00hello")) {
			t.Fatalf("%d, %x became %x", code, payload, good)
		}
	}
}

// reference judges a stream that is there as a whole, in the simplest way. It
// gives up, with false, where the end of the stream leaves a frame open.
func reference(b []byte) (code int, ok bool) {
	var open byte
	var text []byte
	size, fragments := 0, 0
	for len(b) > 0 {
		if len(b) < 2 {
			return 0, false
		}
		op, final := b[0]&15, b[0]&0x80 != 0
		n, head := uint64(b[1]&0x7F), 2
		if n >= 126 {
			head = map[uint64]int{126: 4, 127: 10}[n]
			if len(b) < head {
				return 0, false
			}
			n = binary.BigEndian.Uint64(append(make([]byte, 10-head), b[2:head]...))
		}
		control := op >= 8
		switch {
		case b[0]&0x70 != 0, op > 2 && op < 8, op > 10, control && (!final || b[1]&0x7F > 125),
			!control && (op == 0) == (open == 0), b[1]&0x80 == 0, head == 4 && n < 126, head == 10 && (n < 65536 || n > 1<<63-1):
			return 1002, true
		}
		if !control {
			if fragments++; fragments > 1024 {
				return 1008, true
			}
			if n > uint64(testLimit-size) {
				return 1009, true
			}
			size += int(n)
		}
		if uint64(len(b)) < uint64(head)+4+n {
			return 0, false
		}
		payload := bytes.Clone(b[head+4 : head+4+int(n)])
		for i := range payload {
			payload[i] ^= b[head+i%4]
		}
		b = b[head+4+int(n):]
		if op == 8 {
			switch {
			case n == 1, n > 1 && !mayBeSaid(binary.BigEndian.Uint16(payload)):
				return 1002, true
			case n > 1 && !utf8.Valid(payload[2:]):
				return 1007, true
			case len(b) > 0:
				return -1, true
			}
			return 0, true
		}
		if control {
			continue
		}
		if op != 0 {
			open = op
		}
		text = append(text, payload...)
		if open == 1 && (hopeless(text) || final && !utf8.Valid(text)) {
			return 1007, true
		}
		if final {
			open, size, fragments, text = 0, 0, 0, nil
		}
	}
	return 0, true
}

// hopeless reports whether no continuation makes the text valid.
func hopeless(text []byte) bool {
	for len(text) > 0 && utf8.FullRune(text) {
		c, n := utf8.DecodeRune(text)
		if c == utf8.RuneError && n == 1 {
			return true
		}
		text = text[n:]
	}
	return false
}

func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		said(0x81, `{"type":"r"}`), "\x81\x02{}", said(0xC1, ""), said(0x80, ""), said(0x01, "") + said(0x81, ""),
		said(0x89, strings.Repeat("x", 126)), said(0x01, `{"a":`) + said(0x89, "p") + said(0x80, `1}`),
		said(0x88, "\x03\xed"), said(0x88, "\x03\xe8\xff"), said(0x88, "\x03\xe8") + said(0x81, "{}"), said(0x82, "x"),
		said(0x01, "\xe2") + said(0x80, "\x82"), said(0x81, "\xed\xa0\x80"),
		masked(0x81, []byte{127, 128, 0, 0, 0, 0, 0, 0, 1}, ""), masked(0x81, []byte{126, 0, 5}, "hello"),
		said(0x8A, "unasked") + said(0x8A, "unasked"), said(0x81, ""),
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		good, code := judged(string(stream), whole)
		pieces, again := judged(string(stream), func() int { return 1 + int(cut) })
		if code != again || !bytes.HasPrefix(pieces, good) {
			t.Fatalf("whole %d with %d bytes, in pieces of %d bytes %d with %d", code, len(good), 1+int(cut), again, len(pieces))
		}
		if want, sure := reference(bytes.Clone(stream)); sure && want != code {
			t.Fatalf("%d, want %d", code, want)
		}
	})
}
