package ws

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

// Opcodes of RFC 6455.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	maxControl   = 125  // bytes of a control frame
	maxFragments = 1024 // of a message, empty ones too, where nothing else is said
	inPayload    = 0xFF // of frames.head
)

// frames checks the bytes of a client to the letter of RFC 6455 and against our
// bounds, before the library sees them. A rule is broken at the first byte that
// breaks it, wherever reads cut the stream. Payloads are unmasked in place, and
// their masks left as zeros.
type frames struct {
	limit int    // bytes of a message
	most  uint16 // fragments of one, 0 is maxFragments

	head  uint8 // bytes of the header that came; 0 between frames, or inPayload
	extra uint8 // bytes of the header that are a long length
	first uint8 // byte of the header
	turn  uint8 // which byte of the mask is next
	mask  [4]byte
	left  uint64 // bytes of the payload to come

	open      uint8 // opcode of the message that is under way, 0 for none
	fragments uint16
	size      int // bytes of the message, those of its newest fragment included
	text      runes

	told   uint8 // bytes of a close frame that came
	code   uint16
	reason runes

	over   bool // a close frame came
	whole  bool // a frame came whole in the newest check
	rested bool // nothing was under way at some moment of it
}

// resting reports whether nothing is under way, no frame and no message.
func (f *frames) resting() bool { return f.head == 0 && f.open == 0 }

// check takes in the next bytes. It returns how many of them are good and what
// the next one breaks: a gateway.CloseError, or io.EOF behind a close frame. After
// an error it is not called again.
func (f *frames) check(p []byte) (good int, err error) {
	f.whole, f.rested = false, f.resting()
	for good < len(p) && err == nil {
		if f.over {
			return good, io.EOF
		}
		n := 1
		if f.head == inPayload {
			n = int(min(f.left, uint64(len(p)-good)))
			err = f.payload(p[good : good+n])
		} else {
			err = f.header(&p[good])
		}
		if err == nil {
			good += n
		}
	}
	return good, err
}

// header takes one byte of a header.
func (f *frames) header(b *byte) error {
	f.head++
	switch lengths := 2 + f.extra; {
	case f.head == 1:
		f.first = *b
		return f.kind()
	case f.head == 2:
		return f.short(*b)
	case f.head <= lengths:
		f.left = f.left<<8 | uint64(*b)
		if f.head == lengths {
			return f.long()
		}
	default:
		f.mask[f.head-lengths-1] = *b
		*b = 0
		if f.head == lengths+4 {
			f.head, f.turn = inPayload, 0
			if f.left == 0 {
				return f.end()
			}
		}
	}
	return nil
}

func (f *frames) opcode() uint8 { return f.first & 0x0F }
func (f *frames) final() bool   { return f.first&0x80 != 0 }
func (f *frames) control() bool { return f.first&0x08 != 0 }

// kind judges the first byte.
func (f *frames) kind() error {
	if f.first&0x70 != 0 {
		return broken("reserved bit set")
	}
	switch op := f.opcode(); op {
	case opText, opBinary:
		if f.open != 0 {
			return broken("new message inside a message")
		}
		f.open = op
	case opContinuation:
		if f.open == 0 {
			return broken("continuation of nothing")
		}
	case opClose, opPing, opPong:
		if !f.final() {
			return broken("fragmented control frame")
		}
		return nil
	default:
		return broken("unknown opcode")
	}
	if f.fragments++; f.fragments > cmp.Or(f.most, maxFragments) {
		return gateway.CloseError{Code: wire.ClosePolicy, Reason: "message in too many fragments"}
	}
	return nil
}

// short judges the second byte.
func (f *frames) short(b byte) error {
	if b&0x80 == 0 {
		return broken("frame without a mask")
	}
	f.extra, f.left = 0, uint64(b&0x7F)
	if f.control() && f.left > maxControl {
		return broken("control frame over 125 bytes")
	}
	switch f.left {
	case 126:
		f.extra, f.left = 2, 0
		return nil
	case 127:
		f.extra, f.left = 8, 0
		return nil
	}
	return f.sized()
}

// long judges a length of 2 or 8 bytes.
func (f *frames) long() error {
	if f.extra == 2 && f.left < 126 || f.extra == 8 && f.left <= 0xFFFF {
		return broken("length not in its shortest form")
	}
	if f.left>>63 != 0 {
		return broken("length of 64 bits")
	}
	return f.sized()
}

// sized judges what the frame adds to its message, before any of it comes.
func (f *frames) sized() error {
	if f.control() {
		return nil
	}
	if f.left > uint64(f.limit-f.size) {
		return gateway.CloseError{Code: wire.CloseTooBig, Reason: fmt.Sprintf("message over %d bytes", f.limit)}
	}
	f.size += int(f.left)
	return nil
}

// payload takes some of a frame's payload, at most what is left of it.
func (f *frames) payload(p []byte) error {
	f.unmask(p)
	f.left -= uint64(len(p))
	switch {
	case f.opcode() == opClose:
		if err := f.goodbye(p); err != nil {
			return err
		}
	case f.open == opText && !f.control():
		if !f.text.add(p) {
			return invalid("text that is not UTF-8")
		}
	}
	if f.left == 0 {
		return f.end()
	}
	return nil
}

// unmask also leaves the mask where the next bytes need it.
func (f *frames) unmask(p []byte) {
	for len(p) > 0 && f.turn != 0 {
		p[0] ^= f.mask[f.turn]
		f.turn = (f.turn + 1) % 4
		p = p[1:]
	}
	key := uint64(binary.LittleEndian.Uint32(f.mask[:]))
	for key |= key << 32; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^key)
	}
	for i := range p {
		p[i] ^= f.mask[i%4]
		f.turn = uint8(i+1) % 4
	}
}

// goodbye takes some of a close frame.
func (f *frames) goodbye(p []byte) error {
	for len(p) > 0 && f.told < 2 {
		f.code = f.code<<8 | uint16(p[0])
		f.told++
		p = p[1:]
	}
	if f.told == 2 && !mayBeSaid(f.code) {
		return broken("close code that is not for the wire")
	}
	if !f.reason.add(p) {
		return invalid("close reason that is not UTF-8")
	}
	return nil
}

// mayBeSaid reports whether a close frame may hold the code.
func mayBeSaid(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	default:
		return code >= 3000 && code <= 4999
	}
}

// end judges a frame that is whole.
func (f *frames) end() error {
	f.head, f.whole = 0, true
	if f.control() {
		if f.opcode() != opClose {
			return nil
		}
		f.over = true
		if f.told == 1 {
			return broken("half a close code")
		}
		if f.reason.cut() {
			return invalid("close reason that is not UTF-8")
		}
		return nil
	}
	if !f.final() {
		return nil
	}
	if f.text.cut() {
		return invalid("text that is not UTF-8")
	}
	f.open, f.fragments, f.size = 0, 0, 0
	f.rested = true
	return nil
}

func broken(reason string) error {
	return gateway.CloseError{Code: wire.CloseProtocol, Reason: reason}
}

func invalid(reason string) error {
	return gateway.CloseError{Code: wire.CloseInvalid, Reason: reason}
}
