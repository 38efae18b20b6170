package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Protocol numbers the meaning of the frames. A worker of another number is
// refused when it reports ready.
const Protocol = 1

// MaxFrame is the most bytes of one frame, its length not counted.
const MaxFrame = 32 << 20

// ErrFrame says that a frame is malformed: too long, cut off, or not in the form
// of its kind. What sent it is not to be trusted further.
var ErrFrame = errors.New("malformed frame")

// Kind says what a frame is.
type Kind byte

// The frames that the gateway sends.
const (
	KindStart  Kind = 1 + iota // settings; the first frame
	KindLoad                   // the code of a version under a number
	KindForget                 // that number is used no more
	KindRun                    // an event to be run
	KindResume                 // a result for a waiting event
	KindAnswer                 // results of an event's reads
	KindCancel                 // an event is abandoned; answered by KindDropped
	KindRevoke                 // all events not begun are wanted back; answered by KindRevoked
	KindTrial                  // code to be tried; answered by KindTried
)

// The frames that a worker sends.
const (
	KindReady   Kind = 64 + iota // settings are in force
	KindSegment                  // a turn ended with its segment
	KindReads                    // a turn ended and wants reads answered
	KindSlow                     // a turn goes on longer than SlowTurn; said again while it does
	KindOverrun                  // a turn must be ended by killing the worker
	KindRevoked                  // these events were not begun and are given back
	KindDropped                  // an abandoned event is gone; nothing of it follows
	KindTried                    // what a trial found
)

// A frame on the pipe is its length (4 bytes, little endian, kind and body), the
// kind (1 byte) and the body: varints and length-prefixed bytes in a fixed order.
const header = 4

func begin(b []byte, k Kind) (frame []byte, at int) {
	return append(b, 0, 0, 0, 0, byte(k)), len(b)
}

func end(b []byte, at int) []byte {
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-header))
	return b
}

// Reader splits a stream into frames.
type Reader struct {
	r          io.Reader
	buf        []byte
	start, end int // the bytes read and not yet returned
}

const readBuffer = 64 << 10

// NewReader reads frames from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: r, buf: make([]byte, readBuffer)}
}

// Next returns the next frame. The body is valid until the next call. It returns
// io.EOF at the end of the stream between two frames, and an error that is
// ErrFrame for a length that no frame has or a stream cut within a frame.
func (r *Reader) Next() (Kind, []byte, error) {
	for {
		n, whole, err := r.peek()
		if err != nil {
			return 0, nil, err
		}
		if whole {
			body := r.buf[r.start+header+1 : r.start+n]
			kind := Kind(r.buf[r.start+header])
			r.start += n
			return kind, body, nil
		}
		if err := r.fill(n); err != nil {
			return 0, nil, err
		}
	}
}

// Buffered says whether Next would return without reading.
func (r *Reader) Buffered() bool {
	_, whole, err := r.peek()
	return whole || err != nil
}

// peek tells how many bytes the next frame takes, as far as is known, and
// whether they are all there.
func (r *Reader) peek() (n int, whole bool, err error) {
	have := r.end - r.start
	if have < header {
		return header, false, nil
	}
	size := binary.LittleEndian.Uint32(r.buf[r.start:])
	if size < 1 || size > MaxFrame {
		return 0, false, fmt.Errorf("%w: length %d", ErrFrame, size)
	}
	n = header + int(size)
	return n, have >= n, nil
}

// fill reads once. The buffer grows with the bytes that came, never with the
// length that was announced.
func (r *Reader) fill(need int) error {
	switch {
	case r.start == r.end:
		r.start, r.end = 0, 0
		if len(r.buf) > 16*readBuffer {
			r.buf = make([]byte, readBuffer)
		}
	case r.start > 0 && r.start+need > len(r.buf):
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		grown := make([]byte, min(2*len(r.buf), header+MaxFrame))
		r.end = copy(grown, r.buf[r.start:r.end])
		r.start, r.buf = 0, grown
	}
	n, err := r.r.Read(r.buf[r.end:])
	r.end += n
	switch {
	case n > 0:
		return nil
	case err == io.EOF && r.end > r.start:
		return fmt.Errorf("%w: cut off", ErrFrame)
	case err != nil:
		return err
	}
	return nil
}
