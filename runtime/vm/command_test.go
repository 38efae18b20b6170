package vm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func TestSendKeepsOrderAndOptions(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`
		const d = env.DEVICE;
		d.send({ type: "a", b: [1, { c: null }], skip: undefined });
		await d.send({ type: "b" }, { ttl: 1500, key: "k", durable: true });
		await d.send({ type: "c" }, {});
		return await d.send({ type: "d" })`))
	if got, want := commands(s), `{"type":"a","b":[1,{"c":null}]} {"type":"b"} {"type":"c"} {"type":"d"}`; got != want {
		t.Errorf("got %s", got)
	}
	c := s.Commands[1]
	if c.TTL != 1500*time.Millisecond || c.Key != "k" || !c.Durable || s.Commands[0].Durable || s.Outcome.Value != nil {
		t.Errorf("got %+v, value %s", c, s.Outcome.Value)
	}
}

func TestSendRefusesWhatIsNoCommand(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		``, `null`, `"text"`, `7`, `[]`, `[{ type: "x" }]`, `() => {}`, `{}`, `{ type: 5 }`, `{ type: "" }`,
		`{ type: "$ping" }`, `{ type: "x", $id: 1 }`, `{ type: "x", $re: "c-1" }`, `{ type: "x".repeat(65) }`,
		`{ type: "x", big: "y".repeat(70000) }`, `{ type: "x", many: Array(70000).fill(1) }`, `{ type: "x", n: 10n }`,
		`{ type: "x", list: Array(20000).fill(null) }`, `{ type: "x", holes: Array(4e9) }`, `{ type: "x", bytes: new Uint8Array(1e6) }`,
		`(() => { const a = { type: "x" }; a.a = a; return a })()`,
		`(() => { let a = {}; for (let i = 0; i < 33; i++) a = { a }; return { type: "x", a } })()`,
		`new Date()`, `new String("type")`, `{ type: "x", toJSON() { return 5 } }`,
		`{ type: "x" }, 5`, `{ type: "x" }, { ttl: -1 }`, `{ type: "x" }, { ttl: "1" }`, `{ type: "x" }, { ttl: NaN }`,
		`{ type: "x" }, { key: 5 }`, `{ type: "x" }, { key: "" }`, `{ type: "x" }, { key: "k".repeat(513) }`,
	} {
		returns(t, `try { await env.DEVICE.send(`+args+`); return "sent" } catch (e) { return [e instanceof TypeError, e.name] }`, `[true,"TypeError"]`)
	}
	returns(t, `await env.DEVICE.send({ type: "ä".repeat(64), a: { $id: 1 } }); return 1`, `1`)
	returns(t, `try { await env.DEVICE.send({ type: "x", get a() { throw new RangeError("mine") } }) } catch (e) { return e.message }`, `"mine"`)
}

func TestSendWritesWhatJSONStringifyWrites(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`
		const c = { type: "x", d: new Date(0), n: [NaN, -0, 1e21, 0.1, 1e-7], b: new Boolean(false), s: new String("s"), f() {}, u: undefined,
			a: [undefined, () => {}], t: new Uint8Array([1, 2]), m: new Map([[1, 2]]), q: "\"\\\n\u0001é😀", "key\n": 1, __proto__: null, o: Object.create({ inherited: 1 }),
			p: new Proxy([1, 2], {}), j: { toJSON(key) { return "json of " + key } }, 5: "five" };
		await env.DEVICE.send(c);
		return JSON.stringify(c)`))
	var want string
	if err := json.Unmarshal(s.Outcome.Value, &want); err != nil {
		t.Fatal(err)
	}
	if got := commands(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSendsPerEventAreLimited(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`let n = 0; try { for (;;) { await env.DEVICE.send({ type: "x" }); n++ } } catch (e) { return [n, e.name] }`))
	if string(s.Outcome.Value) != `[100,"QuotaError"]` || len(s.Commands) != 100 {
		t.Errorf("value %s, %d commands", s.Outcome.Value, len(s.Commands))
	}
}

func TestFullOutbox(t *testing.T) {
	t.Parallel()
	p := compile(t, class(`
		const out = [];
		for (const [type, options] of m.sends)
			out.push(await env.DEVICE.send({ type }, options).then(() => "ok", e => e.name));
		return out`))
	for name, c := range map[string]struct {
		quota       runtime.Quota
		sends, want string
	}{
		"offline":                     {runtime.Quota{OutboxRows: 2, OutboxBytes: 1000}, `[["a"],["b"],["c"]]`, `["ok","ok","QueueFullError"]`},
		"offline, bytes":              {runtime.Quota{OutboxRows: 9, OutboxBytes: 30}, `[["a"],["b"],["c"]]`, `["ok","ok","QueueFullError"]`},
		"acknowledging":               {runtime.Quota{Connected: true, Acks: true, OutboxRows: 1, OutboxBytes: 1000}, `[["a"],["b"]]`, `["ok","QueueFullError"]`},
		"direct":                      {runtime.Quota{Connected: true}, `[["a"],["b"]]`, `["ok","ok"]`},
		"direct, durable":             {runtime.Quota{Connected: true}, `[["a"],["b",{"durable":true}]]`, `["ok","QueueFullError"]`},
		"a key replaces in a segment": {runtime.Quota{OutboxRows: 1, OutboxBytes: 1000}, `[["a",{"key":"k"}],["b",{"key":"k"}],["c",{"key":"l"}]]`, `["ok","ok","QueueFullError"]`},
	} {
		inv := message(`{"sends":` + c.sends + `}`)
		inv.Quota = c.quota
		if got := string(wantSettled(t, p.New(inv).Start()).Outcome.Value); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestRequestResolvesToTheReply(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`const reply = await env.DEVICE.request({ type: "adc_read", pin: 4 }, { timeout: 750 }); return reply.value + 1`)).New(message(`{}`))
	s := wait(t, r.Start())
	op := s.Begin[0]
	if op.Kind != runtime.Request || string(op.Command.Body) != `{"type":"adc_read","pin":4}` || op.Wait != 750*time.Millisecond || len(s.Commands) != 0 {
		t.Errorf("%+v", s)
	}
	if s = wantSettled(t, r.Resume(resume(op.ID, `{"type":"adc_value","value":41}`))); string(s.Outcome.Value) != "42" || len(s.Commands) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRequestRejectsWithTheNameOfTheError(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`try { await env.DEVICE.request({ type: "x" }) } catch (e) { return [e instanceof Error, e.name, e.message, String(e)] }`)).New(message(`{}`))
	s := wait(t, r.Start())
	if s.Begin[0].Wait != requestTimeout {
		t.Errorf("time-out %v", s.Begin[0].Wait)
	}
	res := resume(s.Begin[0].ID, "")
	res.Result.Error = &runtime.ScriptError{Name: runtime.RequestTimeoutError, Message: "no reply"}
	s = wantSettled(t, r.Resume(res))
	if got, want := string(s.Outcome.Value), `[true,"RequestTimeoutError","no reply","RequestTimeoutError: no reply"]`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestUncaughtRequestErrorEndsTheEventWithItsName(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`await env.DEVICE.request({ type: "x" })`)).New(message(`{}`))
	res := resume(wait(t, r.Start()).Begin[0].ID, "")
	res.Result.Error = &runtime.ScriptError{Name: runtime.DeviceOfflineError, Message: "replaced"}
	if e := failed(t, r.Resume(res)); e.Name != runtime.DeviceOfflineError || e.Line == 0 {
		t.Errorf("%+v", e)
	}
}

func TestRequestToAnOfflineDeviceRejectsAtOnce(t *testing.T) {
	t.Parallel()
	inv := message(`{}`)
	inv.Quota.Connected = false
	s := wantSettled(t, compile(t, class(`try { await env.DEVICE.request({ type: "x" }) } catch (e) { return e.name }`)).New(inv).Start())
	if string(s.Outcome.Value) != `"DeviceOfflineError"` {
		t.Errorf("got %s", s.Outcome.Value)
	}
}

func TestRequestWithoutAwaitIsASend(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`
		env.DEVICE.send({ type: "a" });
		env.DEVICE.request({ type: "b" });
		env.DEVICE.send({ type: "c" });`))
	if got, want := commands(s), `{"type":"a"} {"type":"b"} {"type":"c"}`; got != want || len(s.Begin) != 0 || len(s.Lines) != 0 {
		t.Errorf("%s", toJSON(t, s))
	}
}

func TestRequestsOfOneSegmentBeginTogether(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`return await Promise.all([env.DEVICE.request({ type: "a" }), env.DEVICE.request({ type: "b" })])`)).New(message(`{}`))
	s := wait(t, r.Start())
	if len(s.Begin) != 2 || s.Waiting != 2 {
		t.Fatalf("%+v", s)
	}
	second := wait(t, r.Resume(resume(s.Begin[1].ID, `2`)))
	if second.Waiting != 1 || len(second.Begin) != 0 {
		t.Errorf("%+v", second)
	}
	if last := wantSettled(t, r.Resume(resume(s.Begin[0].ID, `1`))); string(last.Outcome.Value) != `[1,2]` {
		t.Errorf("got %s", last.Outcome.Value)
	}
}

func TestOperationsAtOnceAreLimited(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`let n = 0; try { for (;;) { setTimeout(() => {}, 1); n++ } } catch (e) { return [n, e.name] }`))
	if string(s.Outcome.Value) != `[100,"QuotaError"]` {
		t.Errorf("got %s", s.Outcome.Value)
	}
}

func TestVariablesAreAnEmptySet(t *testing.T) {
	t.Parallel()
	returns(t, `return [await env.VARS.get("X") === undefined, await env.VARS.getAll(), await env.VARS.get().catch(e => e.name)]`, `[true,{},"TypeError"]`)
}

func TestEnvIsFrozenAndNamesAreItsOwn(t *testing.T) {
	t.Parallel()
	returns(t, `
		const { DEVICE, VARS } = env, parts = [env, DEVICE, VARS, DEVICE.kv, DEVICE.send, DEVICE.kv.get, VARS.get];
		const refused = parts.filter(o => { try { o.extra = 1; return false } catch { return true } }).length;
		let kept = 0;
		for (const [o, k] of [[env, "DEVICE"], [DEVICE, "id"], [DEVICE, "send"], [DEVICE, "kv"], [DEVICE.kv, "get"]])
			try { o[k] = 1 } catch { kept++ }
		return [parts.every(Object.isFrozen), refused, kept, DEVICE.kv === DEVICE.kv, Object.keys(env), Object.keys(DEVICE), Object.keys(DEVICE.kv), DEVICE.send.name, VARS.getAll.name]`,
		`[true,7,5,true,["DEVICE","VARS"],["send","request","id","kv"],["get","put","delete","list"],"send","getAll"]`)
}

func TestNothingOfGoIsReflected(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`
		const seen = new Set(), found = [];
		const walk = (o, path) => {
			if ((typeof o !== "object" && typeof o !== "function") || o === null || seen.has(o) || path.length > 12) return;
			seen.add(o);
				if (typeof o === "function" && /github|goja|tendril|runtime/.test(o.name)) found.push(path.join("."));
			for (const k of Reflect.ownKeys(o)) {
				const d = Reflect.getOwnPropertyDescriptor(o, k);
				for (const v of [d.value, d.get, d.set]) walk(v, [...path, String(k)]);
			}
			walk(Object.getPrototypeOf(o), [...path, "__proto__"]);
		};
		walk(globalThis, []); walk(env, ["env"]); walk(env.DEVICE, ["DEVICE"]); walk(env.DEVICE.kv, ["kv"]); walk(this, ["this"]); walk(console, []);
		walk(setTimeout, ["setTimeout"]); walk(env.DEVICE.send({ type: "x" }), ["promise"]);
		return [seen.size > 300, found]`))
	if got := string(s.Outcome.Value); got != `[true,[]]` {
		t.Errorf("found %s", got)
	}
	if strings.Contains(lines(s), "github") {
		t.Error(lines(s))
	}
}
