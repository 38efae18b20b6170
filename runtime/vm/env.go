package vm

import (
	"fmt"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// method is an asynchronous host function: what it returns or throws settles
// its promise, unless it kept d to settle it later.
type method func(call goja.FunctionCall, d *deferred) goja.Value

// deferred is a promise of the realm that is settled from outside.
type deferred struct {
	resolve, reject func(any) error
	kept            bool
}

// finish settles the promise of a request.
func (d *deferred) finish(r *Run, res runtime.Result) error {
	if res.Error != nil {
		var e *goja.Object
		if err := r.guard(func() error { e = r.newError(res.Error.Name, res.Error.Message); return nil }); err != nil {
			return err
		}
		return d.reject(e)
	}
	v, err := r.decode(res.Value)
	if err != nil {
		return &enginePanic{fmt.Errorf("reply: %w", err)}
	}
	return d.resolve(v)
}

// async makes a host function that returns a promise.
func (r *Run) async(name string, f method) *goja.Object {
	return r.native(name, func(call goja.FunctionCall) goja.Value {
		promise, resolve, reject := r.rt.NewPromise()
		d := deferred{resolve: resolve, reject: reject}
		var v goja.Value
		if ex := r.rt.Try(func() { v = f(call, &d) }); ex != nil {
			must(reject(ex.Value()))
		} else if !d.kept {
			must(resolve(v))
		}
		return r.rt.ToValue(promise)
	})
}

// capability makes a frozen object of methods. Build adds what else it has.
func (r *Run) capability(names []string, methods []method, build func(o *goja.Object)) *goja.Object {
	o := r.rt.NewObject()
	for i, name := range names {
		_ = o.DefineDataProperty(name, r.freeze(r.async(name, methods[i])), no, no, yes)
	}
	if build != nil {
		build(o)
	}
	return r.freeze(o)
}

// lazy adds a property that is made when it is first read: most events use
// little of what they are given.
func (r *Run) lazy(o *goja.Object, name string, build func() *goja.Object) {
	var made *goja.Object
	getter := r.native("get "+name, func(goja.FunctionCall) goja.Value {
		if made == nil {
			made = build()
		}
		return made
	})
	_ = o.DefineAccessorProperty(name, getter, nil, no, yes)
}

// freeze takes the right to change an object from the script, with the realm's
// own Object.freeze as it was before the script ran.
func (r *Run) freeze(o *goja.Object) *goja.Object {
	if _, err := r.freezer(goja.Undefined(), o); err != nil {
		panic(err)
	}
	return o
}

// makeEnv makes what the script may do, already narrowed to its own device.
func (r *Run) makeEnv() *goja.Object {
	env := r.rt.NewObject()
	r.lazy(env, "DEVICE", r.makeDevice)
	r.lazy(env, "VARS", r.makeVars)
	r.env = r.freeze(env)
	return env
}

func (r *Run) makeDevice() *goja.Object {
	return r.capability([]string{"send", "request"}, []method{r.send, r.request}, func(o *goja.Object) {
		_ = o.DefineDataProperty("id", r.rt.ToValue(r.inv.DeviceID), no, no, yes)
		r.lazy(o, "kv", r.makeKV)
	})
}

func (r *Run) makeVars() *goja.Object {
	get := func(call goja.FunctionCall, _ *deferred) goja.Value {
		if _, ok := call.Argument(0).(goja.String); !ok {
			panic(r.newError("TypeError", "the name of a variable must be a string"))
		}
		return goja.Undefined()
	}
	getAll := func(goja.FunctionCall, *deferred) goja.Value { return r.rt.NewObject() }
	return r.capability([]string{"get", "getAll"}, []method{get, getAll}, nil)
}
