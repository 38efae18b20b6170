package worker

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// maxList is the most elements of any list in a frame, so that a small frame
// cannot ask for a large allocation. Causes of an error are nested maxCauses deep
// at most.
const (
	maxList   = 10_000
	maxCauses = 32
)

// decoder takes a body apart. After the first error every further part is zero.
// Byte slices alias the body.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFrame, what)
	}
	d.b = nil
}

// done reports what went wrong, bytes left over included.
func (d *decoder) done() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("bytes left over")
	}
	return d.err
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) time() time.Duration { return time.Duration(d.int()) }

// small takes a signed number of 32 bits.
func (d *decoder) small() int {
	v := d.int()
	if int64(int32(v)) != v {
		d.fail("number out of range")
		return 0
	}
	return int(v)
}

func (d *decoder) bool() bool {
	if len(d.b) == 0 || d.b[0] > 1 {
		d.fail("bad flag")
		return false
	}
	v := d.b[0] == 1
	d.b = d.b[1:]
	return v
}

// take takes n bytes without copying them.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("cut off")
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string { return string(d.take(d.uint())) }

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n == 0 {
		return nil
	}
	return d.take(n - 1)
}

// list takes the length of a list; each element is at least one byte.
func (d *decoder) list() int {
	n := d.uint()
	if n > maxList || n > uint64(len(d.b)) {
		d.fail("list too long")
		return 0
	}
	return int(n)
}

// some makes a list of n elements, or nil.
func some[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

func (d *decoder) source() (s Source) {
	s.Version, s.Script, s.Main = d.string(), d.string(), d.string()
	s.Code, s.SourceMap = d.bytes(), d.bytes()
	s.Handlers = d.strings()
	return s
}

func (d *decoder) strings() []string {
	list := some[string](d.list())
	for i := range list {
		list[i] = d.string()
	}
	return list
}

func (d *decoder) invocation() *runtime.Invocation {
	inv := &runtime.Invocation{DeviceID: d.string()}
	inv.Event = runtime.Event{ID: d.string(), Kind: runtime.EventKind(d.string()), Payload: d.bytes()}
	inv.KV = d.snapshot()
	inv.Quota = d.quota()
	inv.Limits = d.limits()
	return inv
}

func (d *decoder) snapshot() runtime.Snapshot {
	return runtime.Snapshot{Complete: d.bool(), Pairs: d.pairs()}
}

func (d *decoder) pairs() []runtime.KVPair {
	pairs := some[runtime.KVPair](d.list())
	for i := range pairs {
		pairs[i] = runtime.KVPair{Key: d.string(), Value: d.bytes()}
	}
	return pairs
}

func (d *decoder) quota() runtime.Quota {
	return runtime.Quota{
		Connected: d.bool(), Acks: d.bool(),
		OutboxRows: d.small(), OutboxBytes: d.small(), KVKeys: d.small(), KVBytes: d.small(),
		Budget: d.time(), Wall: d.time(), Vars: d.uint(),
	}
}

func (d *decoder) limits() runtime.Limits {
	return runtime.Limits{
		CPU: d.time(), Wall: d.time(),
		LogLines: d.small(), LogBytes: d.small(), KVWrites: d.small(), Sends: d.small(),
		Operations: d.small(), KVKey: d.small(), KVValue: d.small(), Command: d.small(),
		Depth: d.small(), Nodes: d.small(),
	}
}

func (d *decoder) resume() *runtime.Resume {
	r := &runtime.Resume{}
	r.Result = runtime.Result{ID: d.uint(), Value: d.bytes(), Error: d.scriptError()}
	if d.bool() {
		kv := d.snapshot()
		r.KV = &kv
	}
	r.Quota = d.quota()
	return r
}

func (d *decoder) scriptError() *runtime.ScriptError {
	var first *runtime.ScriptError
	next := &first
	for depth := 0; d.bool(); depth++ {
		if depth == maxCauses {
			d.fail("causes too deep")
			return nil
		}
		e := &runtime.ScriptError{Name: d.string(), Message: d.string(), File: d.string()}
		e.Line, e.Column = d.small(), d.small()
		e.Stack, e.Limit = d.string(), d.string()
		e.CPUMillis = float64(d.time()) / float64(time.Millisecond)
		*next, next = e, &e.Cause
	}
	return first
}

func (d *decoder) command() runtime.Command {
	return runtime.Command{Body: d.bytes(), TTL: d.time(), Key: d.string(), Durable: d.bool()}
}

func (d *decoder) segment() *runtime.Segment {
	s := &runtime.Segment{KV: some[runtime.KVWrite](d.list())}
	for i := range s.KV {
		s.KV[i] = runtime.KVWrite{Key: d.string(), Value: d.bytes(), TTL: d.time(), Delete: d.bool()}
	}
	s.Commands = some[runtime.Command](d.list())
	for i := range s.Commands {
		s.Commands[i] = d.command()
	}
	s.Lines = some[runtime.Line](d.list())
	for i := range s.Lines {
		s.Lines[i] = runtime.Line{Time: d.int(), Level: runtime.Level(d.string()), Message: d.string(), Fields: d.bytes()}
	}
	s.Begin = some[runtime.Operation](d.list())
	for i := range s.Begin {
		s.Begin[i] = runtime.Operation{ID: d.uint(), Kind: runtime.OperationKind(d.string()), Command: d.command(), Wait: d.time()}
	}
	s.Cancel = some[uint64](d.list())
	for i := range s.Cancel {
		s.Cancel[i] = d.uint()
	}
	waiting := d.uint()
	if waiting > maxList {
		d.fail("waits for too much")
	}
	s.Waiting, s.CPU = int(waiting), d.time()
	if d.bool() {
		s.Outcome = &runtime.Outcome{Value: d.bytes(), Error: d.scriptError()}
	}
	return s
}

func (d *decoder) reads() []runtime.Read {
	reads := some[runtime.Read](d.list())
	for i := range reads {
		reads[i] = runtime.Read{ID: d.uint(), List: d.bool(), Key: d.string(), After: d.string(), Limit: d.small()}
	}
	return reads
}

func (d *decoder) results() []runtime.ReadResult {
	results := some[runtime.ReadResult](d.list())
	for i := range results {
		results[i] = runtime.ReadResult{ID: d.uint(), Pairs: d.pairs()}
	}
	return results
}
