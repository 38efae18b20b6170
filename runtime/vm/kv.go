package vm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

const (
	listDefault = 100
	listMost    = 1000
	// longestKeep is the longest TTL of a key, short of what a duration can hold.
	longestKeep = 100 * 365 * 24 * time.Hour
)

// kvOp is a call on kv. Calls happen in call order: one that has to ask the
// owner of the device lets those behind it wait.
type kvOp struct {
	promise deferred
	// missing says what must be read before do can run, if anything.
	missing func() *runtime.Read
	do      func() goja.Value
}

func (r *Run) makeKV() *goja.Object {
	return r.capability(
		[]string{"get", "put", "delete", "list"},
		[]method{r.kvGet, r.kvPut, r.kvDelete, r.kvList}, nil)
}

// perform runs an operation now, or lets it wait for what it has to read.
func (r *Run) perform(d *deferred, op kvOp) goja.Value {
	if len(r.kv.queue) == 0 && op.missing() == nil {
		return op.do()
	}
	if len(r.kv.queue) >= r.limits.KVWrites+listMost {
		panic(r.newError(runtime.QuotaError, "too many calls on kv at once"))
	}
	d.kept, op.promise = true, *d
	r.kv.queue = append(r.kv.queue, &op)
	return nil
}

// pump runs the operations that have what they need, and lets the microtasks
// end after each.
func (r *Run) pump() error {
	for len(r.kv.queue) > 0 {
		op := r.kv.queue[0]
		if op.missing() != nil {
			return nil
		}
		r.kv.queue = r.kv.queue[1:]
		var v goja.Value
		ex := r.rt.Try(func() { v = op.do() })
		settle, result := op.promise.resolve, any(v)
		if ex != nil {
			settle, result = op.promise.reject, ex.Value()
		}
		if err := settle(result); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) kvGet(call goja.FunctionCall, d *deferred) goja.Value {
	key := r.keyText(call.Argument(0), "a key")
	return r.perform(d, kvOp{
		missing: func() *runtime.Read { return r.kv.missing(key) },
		do: func() goja.Value {
			text, ok, _ := r.kv.get(key)
			if !ok {
				return goja.Undefined()
			}
			return r.stored(key, text)
		},
	})
}

// stored brings a value of the store into the realm.
func (r *Run) stored(key string, text []byte) goja.Value {
	v, err := r.decode(text)
	if err != nil {
		panic(&enginePanic{fmt.Errorf("kv %q: %w", key, err)})
	}
	return v
}

func (r *Run) kvPut(call goja.FunctionCall, d *deferred) goja.Value {
	key := r.keyText(call.Argument(0), "a key")
	value := r.kvValue(call.Argument(1), "a value")
	w := runtime.KVWrite{Key: key, Value: value}
	conditional, expect := false, []byte(nil)
	if options := r.options(call.Argument(2)); options != nil {
		w.TTL = r.duration(options, "ttl", longestKeep)
		if v := options.Get("ifEquals"); v != nil {
			if conditional = true; !goja.IsUndefined(v) {
				expect = r.kvValue(v, "ifEquals")
			}
		}
	}
	return r.perform(d, kvOp{
		missing: func() *runtime.Read {
			if read := r.kv.missing(key); read != nil && (conditional || !r.kv.room(r.quota, key, len(value))) {
				return read
			}
			return nil
		},
		do: func() goja.Value {
			if current, ok, _ := r.kv.get(key); conditional && (ok != (expect != nil) || ok && !sameJSON(current, expect)) {
				return r.rt.ToValue(false)
			}
			r.countWrite()
			if !r.kv.room(r.quota, key, len(value)) {
				panic(r.newError(runtime.QuotaError, "the device's key-value store is full"))
			}
			r.kv.write(w)
			return r.rt.ToValue(true)
		},
	})
}

// kvValue writes what JSON can say of a value; undefined, functions, symbols
// and numbers that are not finite are refused.
func (r *Run) kvValue(v goja.Value, what string) []byte {
	if goja.IsNumber(v) && !finite(v) {
		panic(r.newError("TypeError", fmt.Sprintf("%s must not be %s", what, v.String())))
	}
	e := encoder{run: r, what: what, bytes: r.limits.KVValue, nodes: r.limits.Nodes, depth: r.limits.Depth}
	text := e.encode(v)
	if text == nil {
		panic(r.newError("TypeError", what+" must be something that JSON can say"))
	}
	return text
}

func (r *Run) kvDelete(call goja.FunctionCall, d *deferred) goja.Value {
	key := r.keyText(call.Argument(0), "a key")
	return r.perform(d, kvOp{
		missing: func() *runtime.Read { return r.kv.missing(key) },
		do: func() goja.Value {
			if _, ok, _ := r.kv.get(key); !ok {
				return r.rt.ToValue(false)
			}
			r.countWrite()
			r.kv.write(runtime.KVWrite{Key: key, Delete: true})
			return r.rt.ToValue(true)
		},
	})
}

func (r *Run) countWrite() {
	if r.kv.count >= r.limits.KVWrites {
		panic(r.newError(runtime.QuotaError, fmt.Sprintf("more than %d writes to kv in one event", r.limits.KVWrites)))
	}
	r.kv.count++
}

func (r *Run) kvList(call goja.FunctionCall, d *deferred) goja.Value {
	q := query{limit: listDefault}
	if options := r.options(call.Argument(0)); options != nil {
		q.prefix = r.listText(options, "prefix")
		q.after = r.listText(options, "after")
		if v := options.Get("limit"); v != nil && !goja.IsUndefined(v) {
			n := math.NaN()
			if goja.IsNumber(v) {
				n = v.ToFloat()
			}
			if n != math.Trunc(n) || n < 1 || n > listMost {
				panic(r.newError("TypeError", fmt.Sprintf("limit must be a whole number from 1 to %d", listMost)))
			}
			q.limit = int(n)
		}
	}
	return r.perform(d, kvOp{
		missing: func() *runtime.Read { _, read := r.kv.list(q); return read },
		do: func() goja.Value {
			pairs, _ := r.kv.list(q)
			items := make([]any, len(pairs))
			for i, pair := range pairs {
				item := r.rt.CreateObject(r.proto)
				_ = item.DefineDataProperty("key", r.rt.ToValue(pair.Key), yes, yes, yes)
				_ = item.DefineDataProperty("value", r.stored(pair.Key, pair.Value), yes, yes, yes)
				items[i] = item
			}
			return r.rt.NewArray(items...)
		},
	})
}

// listText reads a string option that may be left out or empty.
func (r *Run) listText(options *goja.Object, name string) string {
	v := options.Get(name)
	if v == nil || goja.IsUndefined(v) {
		return ""
	}
	if text, ok := v.(goja.String); ok && text.Length() == 0 {
		return ""
	}
	return r.keyText(v, name)
}

// sameJSON says whether two JSON texts have one canonical form: members in any
// order, numbers as the doubles that they are.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
