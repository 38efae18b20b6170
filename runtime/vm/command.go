package vm

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

const (
	typeLength     = 64 // characters of a command's type
	requestTimeout = 5 * time.Second
	longestTTL     = 7 * 24 * time.Hour // of a command
)

// call is a command in call order. A request that the handler did not wait for
// is sent like a command.
type call struct {
	command runtime.Command
	request *operation
}

// outboxUse is what the commands of a segment take of the outbox.
type outboxUse struct {
	rows, bytes int
	keys        map[string]int // bytes of the row that a key holds
}

func (r *Run) send(c goja.FunctionCall, _ *deferred) goja.Value {
	body := r.command(c.Argument(0))
	command := runtime.Command{Body: body}
	if options := r.options(c.Argument(1)); options != nil {
		command.TTL = r.duration(options, "ttl", longestTTL)
		command.Durable = r.flag(options, "durable")
		if key := options.Get("key"); key != nil && !goja.IsUndefined(key) {
			command.Key = r.keyText(key, "a command's key")
		}
	}
	r.countSend()
	if !r.fitsOutbox(command) {
		panic(r.newError(runtime.QueueFullError, "the device's outbox is full"))
	}
	r.calls = append(r.calls, call{command: command})
	return goja.Undefined()
}

func (r *Run) request(c goja.FunctionCall, d *deferred) goja.Value {
	body := r.command(c.Argument(0))
	wait := requestTimeout
	if options := r.options(c.Argument(1)); options != nil {
		if given := r.duration(options, "timeout", longestTimer); given > 0 {
			wait = given
		}
	}
	if r.quota.Wall > 0 {
		wait = min(wait, r.quota.Wall)
	}
	if !r.quota.Connected {
		panic(r.newError(runtime.DeviceOfflineError, "the device is not connected"))
	}
	r.countSend()
	op := &operation{}
	op.Kind, op.Wait = runtime.Request, wait
	op.Command = runtime.Command{Body: body}
	r.want(op)
	d.kept, op.promise = true, *d
	r.calls = append(r.calls, call{command: op.Command, request: op})
	return nil
}

func (r *Run) countSend() {
	if r.sends >= r.limits.Sends {
		panic(r.newError(runtime.QuotaError, fmt.Sprintf("more than %d commands in one event", r.limits.Sends)))
	}
	r.sends++
}

// fitsOutbox judges a command against what the outbox has left, and books it. A
// session that acknowledges nothing is sent to directly.
func (r *Run) fitsOutbox(c runtime.Command) bool {
	if r.quota.Connected && !r.quota.Acks && !c.Durable {
		return true
	}
	replaced, known := r.outbox.keys[c.Key]
	rows, bytes := 1, len(c.Body)
	if known && c.Key != "" {
		rows, bytes = 0, bytes-replaced
	}
	if r.outbox.rows+rows > r.quota.OutboxRows || r.outbox.bytes+bytes > r.quota.OutboxBytes {
		return false
	}
	r.outbox.rows += rows
	r.outbox.bytes += bytes
	if c.Key != "" {
		if r.outbox.keys == nil {
			r.outbox.keys = map[string]int{}
		}
		r.outbox.keys[c.Key] = len(c.Body)
	}
	return true
}

// command judges and writes a command: an object with a type of its own and
// nothing that belongs to the envelope.
func (r *Run) command(v goja.Value) []byte {
	o, ok := v.(*goja.Object)
	if !ok {
		panic(r.newError("TypeError", "a command must be an object"))
	}
	var kind goja.Value
	e := encoder{run: r, what: "the command", bytes: r.limits.Command, nodes: r.limits.Nodes, depth: r.limits.Depth}
	e.member = func(key string, v goja.Value) {
		switch key {
		case "type":
			kind = v
		case "$id", "$re":
			panic(r.newError("TypeError", "the field "+key+" belongs to the envelope"))
		}
	}
	body := e.encode(o)
	if len(body) == 0 || body[0] != '{' {
		panic(r.newError("TypeError", "a command must be an object"))
	}
	text, ok := kind.(goja.String)
	switch {
	case !ok:
		panic(r.newError("TypeError", "a command needs a string type"))
	case text.Length() == 0 || len([]rune(text.String())) > typeLength:
		panic(r.newError("TypeError", fmt.Sprintf("a command's type has 1 to %d characters", typeLength)))
	case strings.HasPrefix(text.String(), "$"):
		panic(r.newError("TypeError", "types that begin with $ belong to the envelope"))
	}
	return body
}

// options reads an argument that is an object or left out.
func (r *Run) options(v goja.Value) *goja.Object {
	if goja.IsUndefined(v) {
		return nil
	}
	o, ok := v.(*goja.Object)
	if !ok {
		panic(r.newError("TypeError", "options must be an object"))
	}
	return o
}

// duration reads milliseconds; 0 is not given.
func (r *Run) duration(options *goja.Object, name string, most time.Duration) time.Duration {
	v := options.Get(name)
	if v == nil || goja.IsUndefined(v) {
		return 0
	}
	ms := math.NaN()
	if goja.IsNumber(v) {
		ms = v.ToFloat()
	}
	if !(ms > 0) || math.IsInf(ms, 0) {
		panic(r.newError("TypeError", name+" must be a positive number of milliseconds"))
	}
	if ms >= float64(most)/float64(time.Millisecond) {
		return most
	}
	return max(time.Duration(ms*float64(time.Millisecond)), 1)
}

func (r *Run) flag(options *goja.Object, name string) bool {
	v := options.Get(name)
	return v != nil && v.ToBoolean()
}

// keyText reads a key: a string of 1 to 512 bytes (the limit of keys) without
// NUL, that UTF-8 can say.
func (r *Run) keyText(v goja.Value, what string) string {
	text, ok := v.(goja.String)
	if !ok {
		panic(r.newError("TypeError", what+" must be a string"))
	}
	key := ""
	if text.Length() <= r.limits.KVKey {
		key = text.String()
	}
	if key == "" || len(key) > r.limits.KVKey {
		panic(r.newError("TypeError", fmt.Sprintf("%s has 1 to %d bytes", what, r.limits.KVKey)))
	}
	if strings.ContainsRune(key, 0) {
		panic(r.newError("TypeError", what+" must not hold NUL"))
	}
	if strings.Contains(key, "\uFFFD") && loneSurrogate(text) {
		panic(r.newError("TypeError", what+" must be valid Unicode"))
	}
	return key
}

func loneSurrogate(s goja.String) bool {
	for i, n := 0, s.Length(); i < n; i++ {
		unit := s.CharAt(i)
		if unit < 0xD800 || unit > 0xDFFF {
			continue
		}
		if unit > 0xDBFF || i+1 == n || s.CharAt(i+1)&0xFC00 != 0xDC00 {
			return true
		}
		i++
	}
	return false
}
