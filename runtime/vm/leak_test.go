package vm

import (
	"testing"
)

// channel is a way by which one event could leave something for another. Module
// is code at the top level, tamper leaves a trace, observe is an expression that
// shows it.
type channel struct{ name, module, tamper, observe string }

// proto is the channel of a property put on a prototype or constructor.
func proto(name, object string) channel {
	return channel{name, "", object + ".leak = 1; Object.defineProperty(" + object + ", 'hidden', { get() { return 2 }, configurable: true })", "[" + object + ".leak, " + object + ".hidden]"}
}

var channels = []channel{
	{"global variable", "", `globalThis.leak = 1`, `globalThis.leak`},
	{"global property by symbol", "", `globalThis[Symbol.iterator] = 1`, `globalThis[Symbol.iterator]`},
	{"global prototype", "", `Object.setPrototypeOf(globalThis, { leak: 1 })`, `globalThis.leak`},
	{"deleted global", "", `delete globalThis.parseInt`, `typeof parseInt`},
	{"replaced global", "", `globalThis.isNaN = () => "mine"`, `isNaN(1)`},
	{"frozen global", "", `Object.freeze(globalThis)`, `Object.isFrozen(globalThis)`},
	{"undefined and NaN shadows", "", `globalThis.shadow = { undefined: 1 }`, `typeof shadow`},
	{"module variable", `let state = 0;`, `state++`, `state`},
	{"module object", `const state = { list: [] };`, `state.list.push(1)`, `state.list`},
	{"module closure", `const next = (() => { let n = 0; return () => n++ })();`, `next()`, `next()`},
	{"module map", `const cache = new Map();`, `cache.set("a", 1)`, `[...cache]`},
	{"module weak map", `const key = {}, cache = new WeakMap();`, `cache.set(key, 1)`, `cache.has(key)`},
	{"module generator", `const ids = (function* () { for (let i = 0; ; i++) yield i })();`, `ids.next()`, `ids.next().value`},
	{"regular expression's lastIndex", `const re = /a/g;`, `re.test("aaa")`, `re.lastIndex`},
	{"sticky regular expression with look-behind", `const re = /(?<=a)b/y;`, `re.lastIndex = 1; re.test("abab")`, `re.lastIndex`},
	{"regular expression statics", "", `"abc".match(/b/); RegExp.leak = 1`, `[RegExp.leak, RegExp.$1, RegExp.lastMatch]`},
	{"entrypoint static", "", `Entry.leak = 1`, `Entry.leak`},
	{"entrypoint prototype", "", `Entry.prototype.leak = 1; Entry.prototype.helper = () => "mine"`, `[this.leak, this.helper()]`},
	{"instance field", "", `this.field = "mine"`, `this.field`},
	{"class private static", `class P { static #n = 0; static hit() { return P.#n++ } }`, `P.hit()`, `P.hit()`},
	{"class static block", `class S { static made = []; static { S.made.push(0) } }`, `S.made.push(1)`, `S.made`},
	{"symbol registry", `const held = new Map();`, `held.set(Symbol.for("k"), 1); Symbol.for("k").constructor.leak = 1`, `[held.get(Symbol.for("k")), Symbol.leak]`},
	proto("Object.prototype", "Object.prototype"),
	proto("Function.prototype", "Function.prototype"),
	proto("Array.prototype", "Array.prototype"),
	proto("String.prototype", "String.prototype"),
	proto("Number.prototype", "Number.prototype"),
	proto("Boolean.prototype", "Boolean.prototype"),
	proto("Symbol.prototype", "Symbol.prototype"),
	proto("BigInt.prototype", "BigInt.prototype"),
	proto("Date.prototype", "Date.prototype"),
	proto("RegExp.prototype", "RegExp.prototype"),
	proto("Error.prototype", "Error.prototype"),
	proto("TypeError.prototype", "TypeError.prototype"),
	proto("Promise.prototype", "Promise.prototype"),
	proto("Map.prototype", "Map.prototype"),
	proto("Set.prototype", "Set.prototype"),
	proto("WeakMap.prototype", "WeakMap.prototype"),
	proto("WeakSet.prototype", "WeakSet.prototype"),
	proto("ArrayBuffer.prototype", "ArrayBuffer.prototype"),
	proto("DataView.prototype", "DataView.prototype"),
	proto("Uint8Array.prototype", "Uint8Array.prototype"),
	proto("typed array prototype", "Object.getPrototypeOf(Uint8Array.prototype)"),
	proto("typed array constructor", "Object.getPrototypeOf(Uint8Array)"),
	proto("generator prototype", "Object.getPrototypeOf(function* () {}).prototype"),
	proto("generator function prototype", "Object.getPrototypeOf(function* () {})"),
	proto("async function prototype", "Object.getPrototypeOf(async () => {})"),
	proto("iterator prototype", "Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))"),
	proto("array iterator prototype", "Object.getPrototypeOf([][Symbol.iterator]())"),
	proto("map iterator prototype", "Object.getPrototypeOf(new Map()[Symbol.iterator]())"),
	proto("string iterator prototype", "Object.getPrototypeOf(''[Symbol.iterator]())"),
	proto("string match iterator prototype", "Object.getPrototypeOf('a'.matchAll(/a/g))"),
	proto("Object", "Object"), proto("Array", "Array"), proto("Promise", "Promise"), proto("Math", "Math"), proto("JSON", "JSON"), proto("Reflect", "Reflect"),
	proto("Proxy", "Proxy"), proto("Symbol", "Symbol"), proto("Date", "Date"), proto("Function", "Function"), proto("Error", "Error"),
	proto("console", "console"), proto("setTimeout", "setTimeout"), proto("queueMicrotask", "queueMicrotask"),
	{"Array.prototype method", "", `Array.prototype.map = () => "mine"`, `[1].map(x => x)`},
	{"Array iteration", "", `Array.prototype[Symbol.iterator] = function* () { yield "mine" }`, `(() => { const [a] = [1]; return a })()`},
	{"array iterator next", "", `Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })`, `[...[1, 2]].length`},
	{"array species", "", `Object.defineProperty(Array, Symbol.species, { value: class extends Array { get mine() { return 1 } } })`, `[1].map(x => x).mine`},
	{"promise then", "", `const then = Promise.prototype.then; Promise.prototype.then = function (...a) { globalThis.thens = (globalThis.thens ?? 0) + 1; return then.apply(this, a) }; Promise.resolve().then()`, `globalThis.thens ?? 0`},
	{"promise constructor", "", `globalThis.Promise = class extends Promise { get mine() { return 1 } }`, `new Promise(() => {}).mine`},
	{"Object.prototype setter", "", `Object.defineProperty(Object.prototype, "trap", { set(v) { globalThis.caught = v }, configurable: true })`, `(() => { const o = {}; o.trap = 1; return [Object.keys(o), globalThis.caught] })()`},
	{"Object.prototype toJSON", "", `Object.prototype.toJSON = () => "mine"`, `JSON.stringify({ a: 1 })`},
	{"Function.prototype.call", "", `Function.prototype.call = () => "mine"`, `(() => 1).call()`},
	{"hasInstance", "", `Object.defineProperty(Array, Symbol.hasInstance, { value: () => "mine" })`, `({}) instanceof Array`},
	{"toPrimitive", "", `Object.defineProperty(Date.prototype, Symbol.toPrimitive, { value: () => "mine" })`, `+new Date(5) + 0`},
	{"JSON replaced", "", `JSON.parse = () => "mine"; JSON.stringify = () => "mine"`, `[typeof JSON.parse("1"), JSON.stringify(1)]`},
	{"Math replaced", "", `Math.random = () => 7; Math.max = () => "mine"`, `[Math.random() < 1, Math.max(1, 2)]`},
	{"Date replaced", "", `Date.now = () => 5; globalThis.Date = class { static now() { return 5 } }`, `Date.now() > 5`},
	{"number formatting", "", `Number.prototype.toLocaleString = () => "mine"; String.prototype.localeCompare = () => 9`, `[(5).toLocaleString(), "a".localeCompare("a")]`},
	{"Reflect replaced", "", `Reflect.ownKeys = () => ["mine"]`, `Reflect.ownKeys({})`},
	{"Error.stackTraceLimit", "", `Error.stackTraceLimit = 0`, `Error.stackTraceLimit`},
	{"Error.prepareStackTrace", "", `Error.prepareStackTrace = () => "mine"; Error.prototype.name = "Mine"`, `[typeof Error.prepareStackTrace, new Error("x").name]`},
	{"console replaced", "", `console.log = () => "mine"; globalThis.console.error = 5`, `[console.log(), typeof console.error]`},
	{"console counter", "", `console.count("c")`, `(() => { const old = globalThis.hits; console.count("c"); return old })() ?? "lines"`},
	{"timers replaced", "", `globalThis.setTimeout = f => "mine"`, `typeof setTimeout(() => {}, 1)`},
	{"timer ids", "", `setTimeout(() => {}, 1)`, `setTimeout(() => {}, 1)`},
	{"pending timer", "", `setTimeout(() => { globalThis.late = 1 }, 1)`, `await new Promise(f => setTimeout(f, 5)).then(() => globalThis.late)`},
	{"interval", "", `setInterval(() => { globalThis.ticks = (globalThis.ticks ?? 0) + 1 }, 1)`, `await new Promise(f => setTimeout(f, 5)).then(() => (globalThis.ticks ?? 0) > 0)`},
	{"microtask", "", `queueMicrotask(() => { globalThis.micro = 1 })`, `await Promise.resolve().then(() => {}).then(() => globalThis.micro)`},
	{"pending promise", `let wake; const gate = new Promise(f => { wake = f }); let passed = 0; gate.then(() => { passed++ });`, `wake()`, `await Promise.resolve().then(() => {}).then(() => passed)`},
	{"env property", "", `try { env.leak = 1; env.DEVICE.leak = 1 } catch {} globalThis.held = env`, `[env.leak, env.DEVICE.leak, typeof globalThis.held]`},
	{"env method properties", "", `globalThis.kept = env.DEVICE.send`, `globalThis.kept === env.DEVICE.send`},
	{"kept payload", `let kept = null;`, `kept = m; m.leak = 1`, `[kept === m, m.leak]`},
	{"uncommitted kv write", "", `await env.DEVICE.kv.put("k", 1)`, `await env.DEVICE.kv.get("k")`},
	{"counted sends", "", `for (let i = 0; i < 100; i++) await env.DEVICE.send({ type: "x" })`, `await env.DEVICE.send({ type: "x" }).then(() => "sent", e => e.name)`},
	{"handled state of a rejection", `const bad = Promise.reject(1); bad.catch(() => {}); let state = "new";`, `state = "seen"`, `state`},
	{"object passed through Object.assign", `const defaults = {};`, `Object.assign(defaults, { leak: 1 })`, `defaults`},
	{"array buffer contents", `const buffer = new Uint8Array(8);`, `buffer.fill(7)`, `[...buffer]`},
	{"function property", `function helper() {}`, `helper.cache = 1`, `helper.cache`},
	{"bound function", `const bag = []; const push = bag.push.bind(bag);`, `push(1)`, `bag`},
	{"proxy target", `const target = {}; const proxy = new Proxy(target, {});`, `proxy.leak = 1`, `target`},
	{"getter on a literal's prototype", "", `Object.defineProperty(Object.getPrototypeOf({}), "type", { get() { return "mine" }, configurable: true })`, `({}).type`},
	{"sealed prototype", "", `Object.preventExtensions(Array.prototype)`, `Object.isExtensible(Array.prototype)`},
	{"well-known symbol on a function", "", `Function.prototype[Symbol.hasInstance.description] = 1`, `(() => {})[Symbol.hasInstance.description]`},
}

func (c channel) program(t testing.TB) *Program {
	return compile(t, script(c.module+`
		const tamper = async function (m, env) { `+c.tamper+` };
		class Entry {
			helper() { return "own" }
			async onMessage(m, env) {
				if (m.tamper) await tamper.call(this, m, env);
				if (m.observe) return (`+c.observe+`) ?? "nothing";
			}
		}
		__tendril_export(Entry);`))
}

// TestNothingLeaksBetweenEvents runs an event that tampers and then one that
// looks, over the same program. A third tampers and looks in one realm: it shows
// that looking would see a leak.
func TestNothingLeaksBetweenEvents(t *testing.T) {
	t.Parallel()
	if len(channels) < 40 {
		t.Fatalf("%d channels", len(channels))
	}
	for _, c := range channels {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.program(t)
			see := func(payload string) string {
				s, _ := drive(t, p.New(message(payload)))
				return string(s.Outcome.Value) + lines(s)
			}
			clean := see(`{"observe":1}`)
			see(`{"tamper":1}`)
			if got := see(`{"observe":1}`); got != clean {
				t.Errorf("after another event: %s, before: %s", got, clean)
			}
			if control := see(`{"tamper":1,"observe":1}`); control == clean {
				t.Errorf("the observation sees nothing: %s", control)
			}
		})
	}
}

// TestNothingLeaksIntoARunningEvent lets two events of one program take turns.
func TestNothingLeaksIntoARunningEvent(t *testing.T) {
	t.Parallel()
	p := compile(t, script(`let n = 0; const pause = () => new Promise(f => setTimeout(f, 1));
		__tendril_export({ async onMessage(m) { for (let i = 0; i < 5; i++) { n++; globalThis.g = m.id; Array.prototype.id = m.id; await pause() } return [n, g, [].id] } })`))
	a, b := p.New(message(`{"id":"a"}`)), p.New(message(`{"id":"b"}`))
	x, y := a.Start(), b.Start()
	for range 5 {
		x = a.Resume(resume(wait(t, x).Begin[0].ID, ""))
		y = b.Resume(resume(wait(t, y).Begin[0].ID, ""))
	}
	wantValue(t, wantSettled(t, x), `[5,"a","a"]`)
	wantValue(t, wantSettled(t, y), `[5,"b","b"]`)
}
