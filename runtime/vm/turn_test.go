package vm

import (
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func wait(t testing.TB, turn Turn) *runtime.Segment {
	t.Helper()
	if turn.Segment == nil || turn.Segment.Outcome != nil {
		if turn.Segment != nil && turn.Segment.Outcome.Error != nil {
			t.Fatal(turn.Segment.Outcome.Error)
		}
		t.Fatalf("does not wait: %+v", turn)
	}
	return turn.Segment
}

func resume(id uint64, value string) *runtime.Resume {
	q := message("").Quota
	return &runtime.Resume{Result: runtime.Result{ID: id, Value: []byte(value)}, Quota: q}
}

func TestHandlerIsCalledWithInstancePayloadAndEnv(t *testing.T) {
	t.Parallel()
	s := settled(t, script(`
		class Base { env; }
		class Entry extends Base {
			seen = 1;
			constructor(env) { super(); this.early = env.DEVICE.id }
			onMessage(m, env) {
				return [this instanceof Entry, this.env === env, this.env.DEVICE.id, this.early, this.seen, m.type];
			}
		}
		__tendril_export(Entry);`))
	if got, want := string(s.Outcome.Value), `[true,true,"dev-1","dev-1",1,"x"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestObjectEntrypoint(t *testing.T) {
	t.Parallel()
	for _, object := range []string{
		`{ own: 2, async onMessage(m, env) { return [this.own, env.DEVICE.id, this.env === env] } }`,
		`Object.freeze({ own: 2, async onMessage(m, env) { return [this.own, env.DEVICE.id, this.env === undefined] } })`,
	} {
		s := settled(t, script(`__tendril_export(`+object+`)`))
		if got, want := string(s.Outcome.Value), `[2,"dev-1",true]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEntrypointMustBeClassOrObject(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`undefined`, `null`, `"text"`, `42`, `() => {}`, `async () => {}`, `async function () {}`, `function* () {}`} {
		e := failed(t, start(t, script(`__tendril_export(`+value+`)`), `{}`))
		if !strings.Contains(e.Message, "neither a class nor an object") || e.File != "src/main.ts" {
			t.Errorf("%s: %+v", value, e)
		}
	}
	e := failed(t, start(t, script(``), `{}`))
	if !strings.Contains(e.Message, "neither a class nor an object") {
		t.Errorf("%+v", e)
	}
}

func TestEventsCallTheirHandlers(t *testing.T) {
	t.Parallel()
	p := compile(t, script(`__tendril_export({
		onDeviceConnect(i) { return "connect " + i.reason },
		onDeviceDisconnect(i) { return "disconnect " + i.reason },
		onMessage: undefined,
	})`))
	for kind, want := range map[runtime.EventKind]string{
		runtime.Connect: `"connect r"`, runtime.Deploy: `"connect r"`, runtime.Disconnect: `"disconnect r"`, runtime.Message: ``,
	} {
		inv := message(`{"reason":"r"}`)
		inv.Event.Kind = kind
		if got := string(wantSettled(t, p.New(inv).Start()).Outcome.Value); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
	e := failed(t, start(t, script(`__tendril_export({ onMessage: 7 })`), `{}`))
	if e.Message != "onMessage is not a function" {
		t.Errorf("%+v", e)
	}
}

func TestExportHookIsGoneWhenHandlersRun(t *testing.T) {
	t.Parallel()
	returns(t, `return [typeof __tendril_export, "__tendril_export" in globalThis]`, `["undefined",false]`)
}

func TestReturnValues(t *testing.T) {
	t.Parallel()
	returns(t, `return { a: [1, null, "x"], skip: undefined }`, `{"a":[1,null,"x"]}`)
	returns(t, `return`, ``)
	returns(t, `return null`, `null`)
	returns(t, `return { then(resolve) { resolve(5) } }`, `5`)
	s := settled(t, script(`__tendril_export({ onMessage() { return { then(resolve) { resolve("thenable") } } } })`))
	if string(s.Outcome.Value) != `"thenable"` {
		t.Errorf("got %s", s.Outcome.Value)
	}
	for _, body := range []string{`return () => {}`, `return 10n`, `const a = {}; a.a = a; return a`, `return { get x() { throw new Error("getter") } }`} {
		s := settled(t, class(body))
		if s.Outcome.Value != nil || !strings.Contains(lines(s), "warn the return value was dropped") {
			t.Errorf("%s: value %s, lines %q", body, s.Outcome.Value, lines(s))
		}
	}
}

func TestStalledHandler(t *testing.T) {
	t.Parallel()
	turn := start(t, class(`console.log("so far"); await env.DEVICE.send({ type: "x" }); await new Promise(() => {})`), `{}`)
	e := failed(t, turn)
	if e.Name != runtime.HandlerStalledError || e.Line == 0 {
		t.Errorf("%+v", e)
	}
	if lines(turn.Segment) != "info so far\n" {
		t.Errorf("lines %q", lines(turn.Segment))
	}
}

func TestHandlerStallsAfterAWait(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`await new Promise(f => setTimeout(f, 5)); await new Promise(() => {})`)).New(message(`{}`))
	s := wait(t, r.Start())
	if e := failed(t, r.Resume(resume(s.Begin[0].ID, ""))); e.Name != runtime.HandlerStalledError {
		t.Errorf("%+v", e)
	}
}

func TestSegmentsCarryWhatWasDoneSinceTheLastWait(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`
		const { kv } = env.DEVICE;
		console.log("one"); await kv.put("a", 1); await env.DEVICE.send({ type: "first" });
		await new Promise(f => setTimeout(f, 250));
		console.log("two"); await kv.put("b", 2); await env.DEVICE.send({ type: "second" });
		return "done";`)).New(message(`{}`))
	s := wait(t, r.Start())
	if len(s.KV) != 1 || s.KV[0].Key != "a" || commands(s) != `{"type":"first"}` || lines(s) != "info one\n" || s.Waiting != 1 {
		t.Errorf("first segment: %s", toJSON(t, s))
	}
	if len(s.Begin) != 1 || s.Begin[0].Kind != runtime.Timer || s.Begin[0].Wait != 250*time.Millisecond {
		t.Errorf("begin: %+v", s.Begin)
	}
	s = wantSettled(t, r.Resume(resume(s.Begin[0].ID, "")))
	if len(s.KV) != 1 || s.KV[0].Key != "b" || commands(s) != `{"type":"second"}` || lines(s) != "info two\n" || string(s.Outcome.Value) != `"done"` {
		t.Errorf("second segment: %s", toJSON(t, s))
	}
}

func TestInterruptEndsARunningTurn(t *testing.T) {
	t.Parallel()
	for limit, name := range map[string]string{"cpu": runtime.TimeoutError, "wall": runtime.TimeoutError, "memory": runtime.QuotaError, "cancelled": runtime.InterruptedError} {
		for _, body := range []string{
			`console.log("in"); for (;;);`,
			`console.log("in"); await 0; for (;;);`,
			`console.log("in"); for (;;) await 0;`,
			`console.log("in"); try { for (;;); } catch {} finally { console.log("never") }`,
			`console.log("in"); (function f() { Promise.resolve().then(f) })(); await new Promise(() => {})`,
			`console.log("in"); return { toJSON() { for (;;); } }`,
			`console.log("in"); console.log({ get a() { for (;;); } })`,
			`console.log("in"); env.DEVICE.send({ type: "x", toJSON() { for (;;); } })`,
		} {
			r := compile(t, class(body)).New(message(`{}`))
			turn := interruptAfter(r, 10*time.Millisecond, limit, r.Start)
			e := failed(t, turn)
			if e.Name != name || e.Limit != limit {
				t.Errorf("%s: %+v", body, e)
			}
			if lines(turn.Segment) != "info in\n" {
				t.Errorf("%s: lines %q", body, lines(turn.Segment))
			}
		}
	}
}

func TestInterruptSaysWhere(t *testing.T) {
	t.Parallel()
	r := compile(t, "(() => {\n__tendril_export({ onMessage(m) {\nfor (;;) m.x++;\n} })\n})()").New(message(`{}`))
	e := failed(t, interruptAfter(r, 10*time.Millisecond, "cpu", r.Start))
	if e.Line != 3 || !strings.Contains(e.Stack, "onMessage") {
		t.Errorf("%+v", e)
	}
}

func TestInterruptAtTheTopLevel(t *testing.T) {
	t.Parallel()
	r := compile(t, script(`for (;;);`)).New(message(`{}`))
	if e := failed(t, interruptAfter(r, 10*time.Millisecond, "cpu", r.Start)); e.Limit != "cpu" {
		t.Errorf("%+v", e)
	}
}

func TestLateInterruptNeverHitsALaterTurn(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`for (let i = 0; i < 3; i++) await new Promise(f => setTimeout(f, 1)); return "whole"`)).New(message(`{}`))
	r.Interrupt("cpu")
	turn := r.Start()
	for range 3 {
		r.Interrupt("cpu")
		turn = r.Resume(resume(wait(t, turn).Begin[0].ID, ""))
	}
	r.Interrupt("cpu")
	if s := wantSettled(t, turn); string(s.Outcome.Value) != `"whole"` {
		t.Errorf("value %s", s.Outcome.Value)
	}
}

func TestInterruptOfNativeCodeCountsWhenTheTurnEnds(t *testing.T) {
	t.Parallel()
	p := compile(t, class(`globalThis.hit(); return "done"`))
	r := p.New(message(`{}`))
	r.open()
	_ = r.rt.Set("hit", func() { r.Interrupt("cpu") })
	if e := failed(t, r.Start()); e.Limit != "cpu" {
		t.Errorf("%+v", e)
	}
}

func TestRacingInterruptsLeaveTheRunWhole(t *testing.T) {
	t.Parallel()
	p := compile(t, class(`for (let i = 0; i < 50; i++) await i; return 1`))
	for range 200 {
		r := p.New(message(`{}`))
		done := make(chan struct{})
		go func() { r.Interrupt("cpu"); close(done) }()
		turn := r.Start()
		<-done
		if e := turn.Segment.Outcome.Error; e != nil && e.Limit != "cpu" {
			t.Fatal(e)
		}
	}
}

func TestGoPanicsAreErrorsOfTheRun(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`boom()`)).New(message(`{}`))
	r.open()
	_ = r.rt.Set("boom", func() { panic("broken engine") })
	e := failed(t, r.Start())
	if e.Name != "InternalError" || !strings.Contains(e.Message, "broken engine") {
		t.Errorf("%+v", e)
	}
}

func TestThrowingPromiseMachineryIsAnErrorOfTheRun(t *testing.T) {
	t.Parallel()
	// The engine throws this through its Go frames, outside any script.
	e := failed(t, start(t, class(`
		class P extends Promise {}
		const p = new P(r => r());
		p.constructor = { [Symbol.species]: function (executor) { executor(() => { throw new Error("species") }, () => {}); } };
		p.then(() => {});
		await 0; await 0;`), `{}`))
	if e.Message != "species" {
		t.Errorf("%+v", e)
	}
}

func TestRecursionEndsTheEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`(function f() { return f() + 1 })()`,
		`const o = { get a() { return this.a } }; o.a`,
		`(function f() { [1, 2].sort(() => { f(); return 0 }) })()`,
		`const o = { toJSON() { return JSON.stringify(this) } }; JSON.stringify(o)`,
	} {
		r := compile(t, class(body)).New(message(`{}`))
		e := failed(t, interruptAfter(r, 5*time.Second, "cpu", r.Start))
		if e.Name != "RangeError" || e.Line == 0 {
			t.Errorf("%s: %+v", body, e)
		}
	}
	returns(t, `let n = 0; (function f() { if (n++ < 900) f() })(); return n`, `901`)
}

func TestARunIsOverAfterItsOutcome(t *testing.T) {
	t.Parallel()
	r := compile(t, class(``)).New(message(`{}`))
	wantSettled(t, r.Start())
	if e := failed(t, r.Start()); e.Name != runtime.InterruptedError {
		t.Errorf("%+v", e)
	}
}

func TestUnknownResultsAreDropped(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`await new Promise(f => setTimeout(f, 5)); return 1`)).New(message(`{}`))
	first := wait(t, r.Start())
	s := wait(t, r.Resume(resume(999, `1`)))
	if s.Waiting != 1 || len(s.Begin) != 0 {
		t.Errorf("%+v", s)
	}
	wantSettled(t, r.Resume(resume(first.Begin[0].ID, "")))
}
