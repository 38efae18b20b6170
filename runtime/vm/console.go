package vm

import (
	"fmt"
	"strings"
	"time"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// consoleNames are the methods of console. They are there when the bundle names
// them.
var consoleNames = []string{
	"debug", "log", "info", "warn", "error", "trace",
	"assert", "dir", "table", "group", "groupCollapsed", "groupEnd",
	"count", "countReset", "time", "timeLog", "timeEnd",
}

// counter is a label of console.count or console.time.
type counter struct {
	count int
	since time.Time
}

func (r *Run) makeConsole() *goja.Object {
	console := r.rt.NewObject()
	for _, name := range r.program.names.console {
		_ = console.Set(name, r.native(name, r.consoleMethod(name)))
	}
	return console
}

func (r *Run) consoleMethod(name string) func(goja.FunctionCall) goja.Value {
	level := runtime.Info
	switch name {
	case "debug", "trace":
		level = runtime.Debug
	case "warn":
		level = runtime.Warn
	case "error":
		level = runtime.Error
	case "groupEnd":
		return func(goja.FunctionCall) goja.Value { return goja.Undefined() }
	case "assert":
		return r.consoleAssert
	case "count", "countReset", "time", "timeLog", "timeEnd":
		return func(call goja.FunctionCall) goja.Value { return r.consoleLabel(name, call) }
	}
	return func(call goja.FunctionCall) goja.Value {
		r.write(level, call.Arguments)
		return goja.Undefined()
	}
}

func (r *Run) consoleAssert(call goja.FunctionCall) goja.Value {
	if !call.Argument(0).ToBoolean() {
		args := []goja.Value{r.rt.ToValue("Assertion failed")}
		if len(call.Arguments) > 1 {
			args = append(args, call.Arguments[1:]...)
		}
		r.write(runtime.Error, args)
	}
	return goja.Undefined()
}

func (r *Run) consoleLabel(method string, call goja.FunctionCall) goja.Value {
	label := "default"
	if v := call.Argument(0); !goja.IsUndefined(v) {
		label = clip(r.safeText(v), 256)
	}
	key := method[:1] + label // count and time have labels of their own
	c := r.counters[key]
	if c == nil {
		c = &counter{since: time.Now()}
		if r.counters == nil {
			r.counters = map[string]*counter{}
		}
		if len(r.counters) < r.limits.LogLines {
			r.counters[key] = c
		}
	}
	switch method {
	case "count":
		c.count++
		r.line(runtime.Info, fmt.Sprintf("%s: %d", label, c.count), nil)
	case "timeLog", "timeEnd":
		r.line(runtime.Info, fmt.Sprintf("%s: %s", label, milliseconds(time.Since(c.since).Truncate(time.Microsecond))), nil)
	}
	if method == "countReset" || method == "timeEnd" {
		delete(r.counters, key)
	}
	return goja.Undefined()
}

// write makes a line of the arguments of a console method. A last argument that
// is a plain object becomes the line's fields.
func (r *Run) write(level runtime.Level, args []goja.Value) {
	if r.log.full(r) {
		return
	}
	var fields []byte
	if n := len(args); n > 0 {
		if o, ok := args[n-1].(*goja.Object); ok && r.plain(o) {
			if fields = r.lenient(o); len(fields) > 0 && fields[0] == '{' {
				args = args[:n-1]
			} else {
				fields = nil
			}
		}
	}
	r.line(level, r.format(args), fields)
}

// plain says whether an object is one that a literal makes.
func (r *Run) plain(o *goja.Object) (is bool) {
	_ = r.rt.Try(func() {
		if o.ClassName() != "Object" || o.ExportType() == proxyType || isPromise(o) {
			return
		}
		proto := o.Prototype()
		is = proto == nil || proto == r.proto
	})
	return is
}

func (r *Run) line(level runtime.Level, message string, fields []byte) {
	r.log.add(r, runtime.Line{Time: time.Now().UnixMilli(), Level: level, Message: message, Fields: fields})
}

// warn tells the author something that is no error.
func (r *Run) warn(message string) { r.line(runtime.Warn, message, nil) }

// format is the text of console arguments: printf-like words in a first string
// are replaced, strings stand as they are, all is joined by spaces.
func (r *Run) format(args []goja.Value) string {
	var b strings.Builder
	if len(args) > 1 {
		if first, ok := args[0].(goja.String); ok && first.Length() <= r.limits.LogBytes {
			if text := first.String(); strings.Contains(text, "%") {
				args = args[1+r.substitute(&b, text, args[1:]):]
				if len(args) > 0 {
					b.WriteByte(' ')
				}
			}
		}
	}
	for i, arg := range args {
		if b.Len() > r.limits.LogBytes {
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(r.safeText(arg))
	}
	return r.program.translate(b.String())
}

// substitute writes a format string and says how many arguments it used.
func (r *Run) substitute(b *strings.Builder, format string, args []goja.Value) (used int) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		verb := format[i+1]
		if verb == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		if !strings.ContainsRune("sdifjoOc", rune(verb)) || used == len(args) || b.Len() > r.limits.LogBytes {
			b.WriteByte('%')
			continue
		}
		if verb != 'c' {
			b.WriteString(r.safeText(args[used]))
		}
		used++
		i++
	}
	return used
}

// safeText is text that cannot throw.
func (r *Run) safeText(v goja.Value) (text string) {
	if ex := r.rt.Try(func() { text = r.text(v) }); ex != nil {
		return "[unprintable]"
	}
	return text
}

// text is a value as a person reads it.
func (r *Run) text(v goja.Value) string {
	switch x := v.(type) {
	case nil:
		return "undefined"
	case goja.String:
		if x.Length() > r.limits.LogBytes {
			x = x.Substring(0, r.limits.LogBytes)
		}
		return strings.ToValidUTF8(x.String(), "\uFFFD")
	case *goja.Symbol:
		return "Symbol(" + x.String() + ")"
	case *goja.Object:
		switch {
		case isError(x):
			return r.errorText(x)
		case x.ExportType() == promiseType:
			return "[Promise]"
		}
		if _, ok := callable(x); ok {
			if name, ok := x.Get("name").(goja.String); ok && name.Length() > 0 {
				return "[Function: " + clip(name.String(), 256) + "]"
			}
			return "[Function]"
		}
		return string(r.lenient(x))
	}
	if goja.IsBigInt(v) {
		return v.String() + "n"
	}
	return v.String()
}

// lenient writes an object as JSON for people; it is nil when that throws.
func (r *Run) lenient(o *goja.Object) (text []byte) {
	e := encoder{run: r, lenient: true, bytes: r.limits.LogBytes, nodes: r.limits.Nodes, depth: r.limits.Depth}
	if ex := r.rt.Try(func() { text = e.encode(o) }); ex != nil {
		return []byte(`"[unprintable]"`)
	}
	if text == nil {
		return []byte("undefined")
	}
	return text
}
