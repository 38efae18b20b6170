package server

import "strings"

// framing follows the bytes of an HTTP/1 connection and stops at the first that
// two readers could take in two ways: a body measured twice, a folded line, a
// bare line feed, a control character. It keeps no text; net/http reads behind it
// and judges all else. Its zero value is a connection that says nothing yet.
type framing struct {
	stage   stage
	last    byte   // the byte before
	tail    uint64 // the eight bytes before the end of a request line
	name    [24]byte
	value   [24]byte
	named   int // bytes of name, also of those that did not fit
	valued  int
	left    int64 // bytes of a body or a chunk that are still to come
	digits  int   // of a chunk's size, or bytes behind it
	length  int64 // of the body, -1 where none was given
	chunked bool
	upgrade bool
	old     bool // HTTP/1.0
	trailer bool
	clash   bool // found where the line ended: nothing behind it is taken
}

type stage byte

const (
	beginning stage = iota
	requestLine
	lineStart // of a header
	lineName
	lineValue
	headEnd // behind the carriage return of the empty line
	plainBody
	chunkSize
	chunkExtra // extension of a chunk
	chunkSizeEnd
	chunkData
	chunkDataEnd
	transparent // no HTTP any more, or judged by others
)

// maxChunkExtra bounds what stands behind a chunk's size.
const maxChunkExtra = 256

// take follows bytes and returns how many of them are good: fewer than there are
// when the next breaks a rule.
func (f *framing) take(p []byte) int {
	for i := 0; i < len(p); {
		switch f.stage {
		case transparent:
			return len(p)
		case plainBody, chunkData:
			n := int(min(int64(len(p)-i), f.left))
			i += n
			if f.left -= int64(n); f.left == 0 {
				f.bodyEnd()
			}
			continue
		}
		if f.clash || !f.step(p[i]) {
			return i
		}
		f.last = p[i]
		i++
	}
	return len(p)
}

// step takes one byte of what is no body.
func (f *framing) step(c byte) bool {
	switch f.stage {
	case beginning:
		*f = framing{stage: requestLine, length: -1}
		return f.inRequestLine(c)
	case requestLine:
		return f.inRequestLine(c)
	case lineStart:
		return f.startLine(c)
	case lineName:
		return f.inName(c)
	case lineValue:
		return f.inValue(c)
	case headEnd:
		return c == '\n' && f.endHead()
	case chunkSize:
		return f.inChunkSize(c)
	case chunkExtra:
		return f.inChunkExtra(c)
	case chunkSizeEnd:
		return c == '\n' && f.startChunk()
	}
	return f.inChunkDataEnd(c)
}

func (f *framing) inRequestLine(c byte) bool {
	switch {
	case f.last == '\r':
		f.stage = lineStart
		return c == '\n'
	case c == '\r':
		const one, zero = 0x485454502f312e31, 0x485454502f312e30 // HTTP/1.1, HTTP/1.0
		f.old = f.tail == zero
		return f.tail == one || f.old
	case isControl(c):
		return false
	}
	f.tail = f.tail<<8 | uint64(c)
	return true
}

func (f *framing) startLine(c byte) bool {
	switch {
	case c == '\r':
		f.stage = headEnd
		return true
	case !isToken(c): // a space would continue the line before
		return false
	}
	f.stage, f.named, f.valued = lineName, 0, 0
	return f.inName(c)
}

func (f *framing) inName(c byte) bool {
	if c == ':' {
		f.stage = lineValue
		return true
	}
	if f.named < len(f.name) {
		f.name[f.named] = lower(c)
	}
	f.named++
	return isToken(c)
}

func (f *framing) inValue(c byte) bool {
	switch {
	case f.last == '\r':
		f.stage = lineStart
		f.clash = !f.endLine()
		return c == '\n'
	case c == '\r':
		return true
	case c != '\t' && isControl(c):
		return false
	}
	if f.valued > 0 || c != ' ' && c != '\t' {
		if f.valued < len(f.value) {
			f.value[f.valued] = lower(c)
		}
		f.valued++
	}
	return true
}

// endLine judges a header that measures the body.
func (f *framing) endLine() bool {
	if f.named > len(f.name) {
		return true
	}
	name, value := string(f.name[:f.named]), strings.TrimRight(string(f.value[:min(f.valued, len(f.value))]), " \t")
	switch name {
	case "content-length":
		n, ok := parseLength(value)
		if !ok || f.length >= 0 || f.chunked || f.trailer || f.valued > len(f.value) {
			return false
		}
		f.length = n
	case "transfer-encoding":
		if f.length >= 0 || f.chunked || f.old || f.trailer {
			return false
		}
		// Of another coding net/http says that it does not know it, and hangs up.
		f.chunked = value == "chunked" && f.valued <= len(f.value)
		if !f.chunked {
			f.stage = transparent
		}
	case "upgrade":
		f.upgrade = true
	}
	return true
}

// endHead knows what follows the empty line. Behind a request to upgrade there is
// another protocol: an answer that does not upgrade is the last of its
// connection.
func (f *framing) endHead() bool {
	switch {
	case f.trailer:
		f.stage = beginning
	case f.upgrade:
		f.stage = transparent
	case f.chunked:
		f.stage, f.left, f.digits = chunkSize, 0, 0
	case f.length > 0:
		f.stage, f.left = plainBody, f.length
	default:
		f.stage = beginning
	}
	return true
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// parseLength reads digits and nothing else.
func parseLength(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
