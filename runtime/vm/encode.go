package vm

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// encoder writes values of a realm as JSON text, as JSON.stringify does, with
// bounds: one native call must never run long. Getters, toJSON and proxies run
// as the script that they are; what they throw is thrown.
//
// A lenient encoder is for people to read: what JSON cannot say, or what is too
// big, becomes a string in its place.
type encoder struct {
	run     *Run
	buf     []byte
	bytes   int // limits
	nodes   int
	depth   int
	what    string // names the value in errors
	lenient bool
	above   []*goja.Object
	// member, if set, is told the members of the outermost object before they are
	// written.
	member func(key string, v goja.Value)
}

var (
	promiseType = reflect.TypeFor[*goja.Promise]()
	proxyType   = reflect.TypeFor[goja.Proxy]()
)

func isPromise(o *goja.Object) bool { return o.ExportType() == promiseType }

func isError(o *goja.Object) bool { return o.ClassName() == "Error" }

func callable(v goja.Value) (goja.Callable, bool) { return goja.AssertFunction(v) }

// isArray looks through proxies, as the language does.
func isArray(o *goja.Object) bool {
	for o != nil && o.ExportType() == proxyType {
		o = o.Export().(goja.Proxy).Target()
	}
	return o != nil && o.ClassName() == "Array"
}

// encode writes a value strictly. It returns nil for what JSON has no word for:
// undefined, functions and symbols.
func (e *encoder) encode(v goja.Value) []byte {
	if !e.value("", v) {
		return nil
	}
	if len(e.buf) > e.bytes && !e.lenient {
		e.tooBig()
	}
	return e.buf
}

// value writes v, and says whether there was anything to write.
func (e *encoder) value(key string, v goja.Value) bool {
	if e.nodes--; e.nodes < 0 || len(e.buf) > e.bytes {
		return e.tooBig()
	}
	if o, ok := v.(*goja.Object); ok {
		v = e.replaced(key, o)
	} else if goja.IsBigInt(v) && !e.lenient {
		panic(e.run.newError("TypeError", e.what+" holds a BigInt, which JSON cannot say"))
	}
	switch x := v.(type) {
	case nil, *goja.Symbol:
		return e.instead(v)
	case goja.String:
		return e.text(x)
	case *goja.Object:
		return e.object(x)
	}
	switch {
	case goja.IsUndefined(v), goja.IsBigInt(v):
		return e.instead(v)
	case goja.IsNumber(v) && !finite(v):
		if e.lenient {
			return e.instead(v)
		}
		e.buf = append(e.buf, "null"...)
	default: // null, booleans, numbers
		e.buf = append(e.buf, v.String()...)
	}
	return true
}

func finite(v goja.Value) bool { return !goja.IsNaN(v) && !goja.IsInfinity(v) }

// replaced is what stands for an object: what its toJSON gives, or the
// primitive inside.
func (e *encoder) replaced(key string, o *goja.Object) goja.Value {
	if e.lenient && isError(o) {
		return e.run.rt.ToValue(e.run.word(o.Get("name")) + ": " + e.run.word(o.Get("message")))
	}
	if toJSON, ok := callable(o.Get("toJSON")); ok {
		v, err := toJSON(o, e.run.rt.ToValue(key))
		if err != nil {
			panic(err)
		}
		inner, isObject := v.(*goja.Object)
		if !isObject {
			if goja.IsBigInt(v) && !e.lenient {
				panic(e.run.newError("TypeError", e.what+" holds a BigInt, which JSON cannot say"))
			}
			return v
		}
		o = inner
	}
	switch o.ClassName() {
	case "Number":
		return o.ToNumber()
	case "String":
		return o.ToString()
	case "Boolean":
		return e.run.rt.ToValue(o.Export() == true)
	}
	return o
}

// tooBig ends a strict encoding, and shortens a lenient one.
func (e *encoder) tooBig() bool {
	if e.lenient {
		e.buf = append(e.buf, `"…"`...)
		return true
	}
	if e.nodes < 0 {
		panic(e.run.newError("TypeError", e.what+" holds too many values"))
	}
	panic(e.run.newError("TypeError", fmt.Sprintf("%s is larger than %d bytes of JSON", e.what, e.bytes)))
}

// instead writes what a lenient encoding shows for a value that JSON cannot
// say.
func (e *encoder) instead(v goja.Value) bool {
	if !e.lenient || v == nil || goja.IsUndefined(v) {
		return false
	}
	e.buf = appendQuoted(e.buf, e.run.text(v))
	return true
}

func (e *encoder) text(s goja.String) bool {
	if s.Length() > e.bytes-len(e.buf) {
		if !e.lenient {
			return e.tooBig()
		}
		left := max(0, e.bytes-len(e.buf))
		e.buf = appendQuoted(e.buf, clip(s.Substring(0, left).String()+"…", left))
		return true
	}
	text := s.String()
	if !e.lenient && strings.Contains(text, "\uFFFD") {
		e.buf = appendUnits(e.buf, s)
		return true
	}
	e.buf = appendQuoted(e.buf, text)
	return true
}

func (e *encoder) object(o *goja.Object) bool {
	if _, ok := callable(o); ok {
		return e.instead(o)
	}
	if slices.Contains(e.above, o) {
		if e.lenient {
			e.buf = append(e.buf, `"[Circular]"`...)
			return true
		}
		panic(e.run.newError("TypeError", e.what+" is circular"))
	}
	if len(e.above) >= e.depth {
		if e.lenient {
			e.buf = append(e.buf, `"…"`...)
			return true
		}
		panic(e.run.newError("TypeError", fmt.Sprintf("%s is nested deeper than %d levels", e.what, e.depth)))
	}
	e.above = append(e.above, o)
	if isArray(o) {
		e.array(o)
	} else {
		e.members(o)
	}
	e.above = e.above[:len(e.above)-1]
	return true
}

// fits judges the length of something before it is walked.
func (e *encoder) fits(length goja.Value) (int, bool) {
	n := length.ToFloat()
	if n <= float64(e.nodes) {
		return int(max(n, 0)), true
	}
	if !e.lenient {
		e.nodes = -1
		e.tooBig()
	}
	return max(e.nodes, 0), false
}

func (e *encoder) array(o *goja.Object) {
	length, whole := e.fits(o.Get("length"))
	e.buf = append(e.buf, '[')
	for i := range length {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		index := strconv.Itoa(i)
		if !e.value(index, o.Get(index)) {
			e.buf = append(e.buf, "null"...)
		}
		if e.lenient && (len(e.buf) > e.bytes || e.nodes <= 0) {
			whole = true
			break
		}
	}
	if !whole {
		e.buf = append(e.buf, `,"…"`...)
	}
	e.buf = append(e.buf, ']')
}

func (e *encoder) members(o *goja.Object) {
	if kind := o.ExportType(); kind != nil && kind.Kind() == reflect.Slice {
		if length := o.Get("length"); length != nil { // a typed array: its keys are its indices
			if _, whole := e.fits(length); !whole {
				e.buf = append(e.buf, "{}"...)
				return
			}
		}
	}
	e.buf = append(e.buf, '{')
	empty := true
	for _, key := range o.Keys() {
		if e.lenient && (len(e.buf) > e.bytes || e.nodes <= 0) {
			break
		}
		v := o.Get(key)
		if e.member != nil && len(e.above) == 1 {
			e.member(key, v)
		}
		mark := len(e.buf)
		if !empty {
			e.buf = append(e.buf, ',')
		}
		e.buf = appendQuoted(e.buf, key)
		e.buf = append(e.buf, ':')
		if e.value(key, v) {
			empty = false
		} else {
			e.buf = e.buf[:mark]
		}
	}
	e.buf = append(e.buf, '}')
}
