package worker

import (
	"io"
	"sync"
)

// outlet gathers frames and writes what has gathered in one write. Whoever
// flushes while another does leaves its frames to it.
type outlet struct {
	w io.Writer

	mu      sync.Mutex
	buf     []byte // to be written
	spare   []byte
	writing bool
}

// keepBuffer is the largest buffer that is kept for the next write.
const keepBuffer = 1 << 20

// put lets f append frames.
func (o *outlet) put(f func(b []byte) []byte) {
	o.mu.Lock()
	o.buf = f(o.buf)
	o.mu.Unlock()
}

func (o *outlet) pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf)
}

// flush returns when all that was put before has been written or another
// goroutine is about to write it. Write errors are not reported: the end of the
// input says that the gateway is gone.
func (o *outlet) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.writing && len(o.buf) > 0 {
		out := o.buf
		o.buf, o.spare, o.writing = o.spare[:0], nil, true
		o.mu.Unlock()
		_, _ = o.w.Write(out)
		o.mu.Lock()
		o.writing = false
		if cap(out) <= keepBuffer {
			o.spare = out[:0]
		}
	}
}
