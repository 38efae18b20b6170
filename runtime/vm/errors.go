package vm

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

const (
	messageCap  = 8 << 10 // bytes of an error's message
	causeDepth  = 8
	unprintable = "uncaught exception (unprintable)"
)

// describe makes the error of an event of what ended it. What it reads of a
// thrown value may run the script's getters: that happens inside the turn,
// under its interrupt.
func (r *Run) describe(err error) *runtime.ScriptError {
	// A switch on the type, never errors.As: unwrapping an exception asks its value
	// for prototypes, which a proxy answers with script code.
	switch x := err.(type) {
	case *runtime.ScriptError:
		if x.Line == 0 {
			r.place(x, nil)
		}
		return x
	case *goja.InterruptedError:
		limit, _ := x.Value().(string)
		return r.limited(limit, err)
	case *goja.StackOverflowError:
		e := &runtime.ScriptError{Name: "RangeError", Message: "maximum call stack size exceeded"}
		r.place(e, x.Stack())
		return e
	case *goja.Exception:
		return r.extract(x.Value(), x.Stack(), nil)
	}
	e := &runtime.ScriptError{Name: "InternalError", Message: clip(err.Error(), messageCap)}
	r.place(e, nil)
	return e
}

// limited is the error of an event that a limit ended. Err, when it is an
// interrupt, knows where.
func (r *Run) limited(limit string, err error) *runtime.ScriptError {
	e := &runtime.ScriptError{Name: runtime.TimeoutError, Limit: limit}
	switch limit {
	case "cpu":
		e.Message = fmt.Sprintf("the event used up its %s of CPU time", milliseconds(r.limits.CPU))
	case "wall":
		e.Message = fmt.Sprintf("the event took longer than %s", milliseconds(r.limits.Wall))
	case "memory":
		e.Name, e.Message = runtime.QuotaError, "the event used too much memory"
	default:
		e.Name, e.Message = runtime.InterruptedError, "the event was "+limit
	}
	var frames []goja.StackFrame
	if interrupt, ok := err.(*goja.InterruptedError); ok {
		frames = interrupt.Stack()
	}
	r.place(e, frames)
	return e
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%g ms", float64(d)/float64(time.Millisecond))
}

// place gives an error its position and stack: those of the frames, else the
// position of the handler, else its file.
func (r *Run) place(e *runtime.ScriptError, frames []goja.StackFrame) {
	if r.placeFrames(e, frames) {
		return
	}
	if at, ok := r.handlerPlace(); ok {
		e.File, e.Line, e.Column = at.file, at.line, at.column
	} else if e.File == "" {
		e.File = r.program.source.Main
	}
}

// placeFrames gives an error the stack of its frames, and the position of the
// first that is the author's, if any.
func (r *Run) placeFrames(e *runtime.ScriptError, frames []goja.StackFrame) bool {
	places := r.program.trace(frames)
	e.Stack = e.Name + ": " + e.Message + stackText(places)
	for _, at := range places {
		if at.file != "" {
			e.File, e.Line, e.Column = at.file, at.line, at.column
			return true
		}
	}
	return false
}

// handlerPlace finds the handler in the bundle by its own text.
func (r *Run) handlerPlace() (at place, ok bool) {
	if r.handler == nil || r.interrupted() {
		return at, false
	}
	_ = r.guard(func() error {
		if fn, isObject := r.handler.(*goja.Object); isObject {
			at, ok = r.program.find(fn.String())
		}
		return nil
	})
	return at, ok
}

// extract reads a thrown value. Seen holds the errors above it in a chain of
// causes.
func (r *Run) extract(v goja.Value, frames []goja.StackFrame, seen []*goja.Object) *runtime.ScriptError {
	e := &runtime.ScriptError{Name: "Error", Message: unprintable}
	top := len(seen) == 0
	var cause goja.Value
	err := r.guard(func() error {
		o, ok := v.(*goja.Object)
		if !ok || !isError(o) {
			e.Message = r.text(v)
			return nil
		}
		seen = append(seen, o)
		name, message := r.word(o.Get("name")), r.word(o.Get("message"))
		cause = o.Get("cause")
		if e.Message = message; name != "" {
			e.Name = name
		}
		return nil
	})
	if err != nil {
		e.Name, e.Message, cause = "Error", unprintable, nil
	}
	e.Name, e.Message = clip(e.Name, 256), clip(e.Message, messageCap)
	if r.interrupted() {
		r.mu.Lock()
		e.Limit = r.limit
		r.mu.Unlock()
		cause = nil
	}
	if top {
		r.place(e, frames)
	} else {
		r.placeFrames(e, frames)
	}
	e.Cause = r.cause(cause, seen)
	return e
}

func (r *Run) cause(v goja.Value, seen []*goja.Object) *runtime.ScriptError {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) || len(seen) == 0 || len(seen) > causeDepth {
		return nil
	}
	var frames []goja.StackFrame
	if o, ok := v.(*goja.Object); ok {
		for _, above := range seen {
			if above == o {
				return nil
			}
		}
		frames = r.frames(o)
	} else {
		return &runtime.ScriptError{Name: "Error", Message: clip(r.safeText(v), messageCap)}
	}
	return r.extract(v, frames, seen)
}

// frames are those that an error object captured when it was made.
func (r *Run) frames(o *goja.Object) []goja.StackFrame {
	if ex, ok := r.thrown(o).(*goja.Exception); ok {
		return ex.Stack()
	}
	return nil
}

// errorText is an error as a log line shows it: name, message and stack, and
// those of its causes.
func (r *Run) errorText(o *goja.Object) string {
	var b strings.Builder
	for depth := 0; ; depth++ {
		b.WriteString(r.word(o.Get("name")))
		message := r.word(o.Get("message"))
		if message != "" {
			b.WriteString(": " + message)
		}
		b.WriteString(stackText(r.program.trace(r.frames(o))))
		cause, ok := o.Get("cause").(*goja.Object)
		if !ok || !isError(cause) || depth == causeDepth || b.Len() > r.limits.LogBytes {
			return b.String()
		}
		b.WriteString("\n  caused by ")
		o = cause
	}
}

// word is the name or message of an error. An object there is only named: it may
// hold the error itself.
func (r *Run) word(v goja.Value) string {
	if o, ok := v.(*goja.Object); ok {
		return "[" + o.ClassName() + "]"
	}
	if v == nil || goja.IsUndefined(v) {
		return ""
	}
	return r.text(v)
}

// failed is the last segment of an event that ended with an error: its lines
// are kept, its other effects are not.
func (r *Run) failed(e *runtime.ScriptError) *runtime.Segment {
	r.log.close()
	return &runtime.Segment{Lines: r.log.take(), Outcome: &runtime.Outcome{Error: e}}
}

// clip cuts a text to a number of bytes, between characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	if limit -= len(mark); limit < 0 {
		return ""
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.ToValidUTF8(s[:limit], "") + mark
}
