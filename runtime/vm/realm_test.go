package vm

import (
	"strings"
	"testing"
)

func TestNoCodeFromText(t *testing.T) {
	t.Parallel()
	for _, attempt := range []string{
		`eval("1")`, `(0, eval)("1")`, `globalThis["ev" + "al"]("1")`, `new Function("return 1")()`, `Function("return 1")()`,
		`(function () {}).constructor("return 1")()`, `(() => {}).constructor("return 1")()`, `(async () => {}).constructor("return 1")()`,
		`(function* () {}).constructor("yield 1")()`, `Object.getPrototypeOf(async function () {}).constructor("return 1")()`,
		`class F extends Function {} new F("return 1")()`, `Reflect.construct(Function, ["return 1"])()`, `Reflect.construct(Function, ["return 1"], Object)`,
		`setTimeout("1", 1)`, `[].map.constructor("return 1")()`, `Function.prototype.constructor.call(null, "return 1")`, `Function.apply(null, ["return 1"])`, `Function.bind(null, "return 1")()()`,
	} {
		s := settled(t, class(`let r; try { r = (() => { `+strings.Replace(attempt, "class F", "class F", 1)+`; return "ran" })() } catch (e) { r = e.name } return r`))
		if got := string(s.Outcome.Value); got != `"EvalError"` && got != `"TypeError"` {
			t.Errorf("%s: %s", attempt, got)
		}
	}
	returns(t, `return [(() => {}) instanceof Function, typeof Function.prototype.call, Function.prototype.toString.call(Math.max).includes("native")]`, `[true,"function",true]`)
}

func TestDatesAreUTC(t *testing.T) {
	t.Parallel()
	returns(t, `const d = new Date(2024, 6, 1, 12); return [d.getTimezoneOffset(), d.toISOString(), new Date("2024-07-01T12:00").getTime() === d.getTime()]`,
		`[0,"2024-07-01T12:00:00.000Z",true]`)
}

func TestAbsentGlobalsAreAbsent(t *testing.T) {
	t.Parallel()
	returns(t, `return [typeof require, typeof process, typeof module, typeof Deno, typeof WebAssembly, typeof global]`,
		`["undefined","undefined","undefined","undefined","undefined","undefined"]`)
}
