package vm

import (
	"slices"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	"github.com/tendril-run/tendril/runtime"
)

// callDepth bounds nested calls of a script. Where they pass through native code
// the engine unwinds them in time quadratic to their depth, which no interrupt
// ends: at this depth that is some 50 ms, at four times it a second.
const callDepth = 1024

const (
	yes = goja.FLAG_TRUE
	no  = goja.FLAG_FALSE
)

// globalNames are what a realm adds to the language. They are there when the
// bundle names them.
var globalNames = []string{"console", "setTimeout", "setInterval", "clearTimeout", "clearInterval", "queueMicrotask"}

// open makes the realm. Nothing of the script has run yet.
func (r *Run) open() {
	rt := goja.New()
	r.rt = rt
	r.proto = rt.NewObject().Prototype()
	rt.SetMaxCallStackSize(callDepth)
	// Everything that compiles text at run time (eval and the constructors of
	// functions, generators and async functions) asks the parser for its options.
	rt.SetParserOptions(option(parser.WithDisableSourceMaps, r.refuseCode))
	rt.SetPromiseRejectionTracker(r.trackRejection)

	global := rt.GlobalObject()
	r.freezer, _ = callable(global.Get("Object").(*goja.Object).Get("freeze"))
	hook := rt.ToValue(func(call goja.FunctionCall) goja.Value {
		r.exported = call.Argument(0)
		return goja.Undefined()
	})
	_ = global.DefineDataProperty(exportHook, hook, yes, yes, no)
	for _, name := range r.program.names.globals {
		_ = global.DefineDataProperty(name, r.makeGlobal(name), yes, yes, no)
	}
}

func (r *Run) makeGlobal(name string) *goja.Object {
	f := r.clearTimer
	switch name {
	case "console":
		return r.makeConsole()
	case "setTimeout":
		f = func(call goja.FunctionCall) goja.Value { return r.setTimer(call, false) }
	case "setInterval":
		f = func(call goja.FunctionCall) goja.Value { return r.setTimer(call, true) }
	case "queueMicrotask":
		f = r.queueMicrotask
	}
	return r.native(name, f)
}

// option makes a parser option of f. The options' type is not exported; like
// lends it.
func option[T any](like func(*T), f func()) func(*T) { return func(*T) { f() } }

func (r *Run) refuseCode() {
	panic(r.newError("EvalError", "code generation from strings is not allowed"))
}

// native makes a host function. What it is given and returns are values of the
// realm.
func (r *Run) native(name string, f func(goja.FunctionCall) goja.Value) *goja.Object {
	fn := r.rt.ToValue(f).(*goja.Object)
	_ = fn.DefineDataProperty("name", r.rt.ToValue(name), no, yes, no)
	return fn
}

// newError makes an error of the realm. The names of the language's own errors
// give their own class where the script left it in place.
func (r *Run) newError(name, message string) *goja.Object {
	class := "Error"
	switch name {
	case "TypeError", "RangeError", "SyntaxError", "EvalError":
		class = name
	}
	e := r.rt.NewTypeError("%s", message)
	if constructor, _ := r.rt.GlobalObject().Get(class).(*goja.Object); constructor != nil {
		if construct, ok := goja.AssertConstructor(constructor); ok {
			made, err := construct(nil, r.rt.ToValue(message))
			if err != nil {
				panic(err)
			}
			e = made
		}
	}
	if class != name {
		_ = e.DefineDataProperty("name", r.rt.ToValue(name), yes, yes, no)
	}
	return e
}

// trackRejection keeps the rejected promises that nobody handles.
func (r *Run) trackRejection(p *goja.Promise, operation goja.PromiseRejectionOperation) {
	if operation == goja.PromiseRejectionReject {
		r.rejected = append(r.rejected, p)
		return
	}
	if i := slices.Index(r.rejected, p); i >= 0 {
		r.rejected = slices.Delete(r.rejected, i, i+1)
	}
}

// load evaluates the module and makes the instance.
func (r *Run) load() error {
	if _, err := r.rt.RunProgram(r.program.code); err != nil {
		return err
	}
	if err := r.rt.GlobalObject().Delete(exportHook); err != nil {
		return err
	}
	entry, ok := r.exported.(*goja.Object)
	if !ok {
		return r.program.refuse("the entrypoint is neither a class nor an object")
	}
	env := r.makeEnv()
	if _, ok := callable(entry); !ok {
		// An object that its author froze still gets env as an argument.
		_ = entry.DefineDataProperty("env", env, yes, yes, no)
		r.instance = entry
		return nil
	}
	construct, ok := goja.AssertConstructor(entry)
	if !ok {
		return r.program.refuse("the entrypoint is neither a class nor an object")
	}
	instance, err := construct(nil, env)
	if err != nil {
		return err
	}
	r.instance = instance
	return instance.DefineDataProperty("env", env, yes, yes, no)
}

// call calls the handler of the event, if the script has it.
func (r *Run) call() error {
	name := r.inv.Event.Kind.Handler()
	return r.guard(func() error {
		r.result = goja.Undefined()
		if name == "" {
			return nil
		}
		r.handler = r.instance.Get(name)
		if r.handler == nil || goja.IsUndefined(r.handler) || goja.IsNull(r.handler) {
			return nil
		}
		handler, ok := goja.AssertFunction(r.handler)
		if !ok {
			return r.program.refuse(name + " is not a function")
		}
		payload := goja.Undefined()
		if len(r.inv.Event.Payload) > 0 {
			var err error
			if payload, err = r.decode(r.inv.Event.Payload); err != nil {
				return &enginePanic{err}
			}
		}
		result, err := handler(r.instance, payload, r.env)
		if err != nil {
			return err
		}
		return r.adopt(result)
	})
}

// adopt takes the handler's return value. A thenable that is no promise is
// followed like one.
func (r *Run) adopt(v goja.Value) error {
	r.result = v
	o, ok := v.(*goja.Object)
	if !ok || isPromise(o) {
		return nil
	}
	promise, resolve, _ := r.rt.NewPromise()
	r.result = r.rt.ToValue(promise)
	return resolve(v)
}

func (p *Program) refuse(message string) *runtime.ScriptError {
	return &runtime.ScriptError{Name: "TypeError", Message: message, File: p.source.Main}
}
