package server

// maxChunk is far more than any body: a size that is larger is no size.
const maxChunkDigits = 10

// inChunkSize reads the hexadecimal size of a chunk.
func (f *framing) inChunkSize(c byte) bool {
	switch {
	case c >= '0' && c <= '9':
		c -= '0'
	case lower(c) >= 'a' && lower(c) <= 'f':
		c = lower(c) - 'a' + 10
	case f.digits == 0:
		return false
	case c == '\r':
		f.stage = chunkSizeEnd
		return true
	case c == ';':
		f.stage, f.digits = chunkExtra, 0
		return true
	default:
		return false
	}
	f.left = f.left<<4 | int64(c)
	f.digits++
	return f.digits <= maxChunkDigits
}

func (f *framing) inChunkExtra(c byte) bool {
	if c == '\r' {
		f.stage = chunkSizeEnd
		return true
	}
	f.digits++
	return !isControl(c) && f.digits <= maxChunkExtra
}

// startChunk is behind the line of the size. The last chunk has none, and is
// followed by headers.
func (f *framing) startChunk() bool {
	f.stage = chunkData
	if f.left == 0 {
		f.stage, f.trailer = lineStart, true
	}
	return true
}

// bodyEnd is behind the last byte of a body or of a chunk.
func (f *framing) bodyEnd() {
	if f.stage == plainBody {
		f.stage = beginning
		return
	}
	f.stage, f.last = chunkDataEnd, 0
}

func (f *framing) inChunkDataEnd(c byte) bool {
	if f.last != '\r' {
		return c == '\r'
	}
	f.stage, f.left, f.digits = chunkSize, 0, 0
	return c == '\n'
}
