package vm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func wantLines(t testing.TB, body, want string) {
	t.Helper()
	if got := lines(settled(t, class(body))); got != want {
		t.Errorf("%s\ngot  %q\nwant %q", body, got, want)
	}
}

func TestConsoleLevels(t *testing.T) {
	t.Parallel()
	wantLines(t, `console.debug("a"); console.trace("b"); console.log("c"); console.info("d"); console.warn("e"); console.error("f")`,
		"debug a\ndebug b\ninfo c\ninfo d\nwarn e\nerror f\n")
}

func TestConsoleMessages(t *testing.T) {
	t.Parallel()
	wantLines(t, `console.log("plain", 1, "text")`, "info plain 1 text\n")
	wantLines(t, `console.log()`, "info \n")
	wantLines(t, `console.log(1.5, true, null, undefined, 10n, Symbol("s"), -0)`, "info 1.5 true null undefined 10n Symbol(s) 0\n")
	wantLines(t, `console.log([1, "a", { b: 2 }], "end")`, "info [1,\"a\",{\"b\":2}] end\n")
	wantLines(t, `console.log(function f() {}, class K {}, () => {}, Promise.resolve(), new Date(0))`, "info [Function: f] [Function: K] [Function] [Promise] \"1970-01-01T00:00:00.000Z\"\n")
	wantLines(t, `console.log("%s is %d%% of %j, %c styled", "x", 5, { a: 1 }, "css", "more")`, "info x is 5% of {\"a\":1},  styled more\n")
	wantLines(t, `console.log("100%", "%s"); console.log("%s"); console.log("%z %s", 1)`, "info 100% %s\ninfo %s\ninfo %z 1\n")
}

func TestConsoleFields(t *testing.T) {
	t.Parallel()
	wantLines(t, `console.warn("too warm", { celsius: 31, last: undefined, f() {} })`, "warn too warm {\"celsius\":31,\"f\":\"[Function: f]\"}\n")
	wantLines(t, `console.log({ only: 1 })`, "info  {\"only\":1}\n")
	wantLines(t, `console.log({ a: 1 }, { b: 2 })`, "info {\"a\":1} {\"b\":2}\n")
	wantLines(t, `console.log(Object.create(null))`, "info  {}\n")
	wantLines(t, `class P { x = 1 } console.log("no", new P()); console.log("no", [1]); console.log("no", new Map()); console.log("no", { toJSON() { return 5 } })`,
		"info no {\"x\":1}\ninfo no [1]\ninfo no {}\ninfo no 5\n")
	wantLines(t, `const c = { n: 10n }; c.c = c; console.log("odd", c)`, "info odd {\"n\":\"10n\",\"c\":\"[Circular]\"}\n")
	wantLines(t, `console.log("odd", { get a() { throw 1 } })`, "info odd \"[unprintable]\"\n")
}

func TestConsoleErrorsShowTheirStack(t *testing.T) {
	t.Parallel()
	got := lines(settled(t, class(`console.error("failed:", new RangeError("boom"))`)))
	if !strings.HasPrefix(got, "error failed: RangeError: boom\n    at onMessage (bundle.js:3:") {
		t.Errorf("got %q", got)
	}
}

func TestConsoleErrorsShowTheirCauses(t *testing.T) {
	t.Parallel()
	got := lines(settled(t, class(`const a = new Error("a"); a.cause = new Error("b", { cause: a }); console.error(a)`)))
	if !strings.Contains(got, "\n  caused by Error: b\n") || strings.Count(got, "caused by") != causeDepth {
		t.Errorf("got %q", got)
	}
}

func TestConsoleHelpers(t *testing.T) {
	t.Parallel()
	wantLines(t, `console.assert(true, "no"); console.assert(false, "x", 1); console.assert(0)`, "error Assertion failed x 1\nerror Assertion failed\n")
	wantLines(t, `console.count(); console.count("a"); console.count(); console.countReset(); console.count()`, "info default: 1\ninfo a: 1\ninfo default: 2\ninfo default: 1\n")
	wantLines(t, `console.dir([1]); console.table([2]); console.group("g"); console.groupEnd()`, "info [1]\ninfo [2]\ninfo g\n")
	got := lines(settled(t, class(`console.time("t"); console.timeLog("t"); console.timeEnd("t")`)))
	if strings.Count(got, "info t: ") != 2 || !strings.Contains(got, " ms\n") {
		t.Errorf("got %q", got)
	}
}

func TestConsoleNeverThrows(t *testing.T) {
	t.Parallel()
	settled(t, class(`
		const { proxy, revoke } = Proxy.revocable({}, {}); revoke();
		for (const odd of [proxy, new Proxy(() => {}, {}), new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 3 } }),
			{ toString() { throw 1 }, toJSON() { throw 2 } }, Object.create(null), Object.defineProperty(new Error(), "name", { get() { throw 1 } }), globalThis, console, env]) {
			console.log(odd); console.log(odd, "x"); console.log("%s", odd); console.count(odd); console.assert(false, odd);
		}`))
}

func TestLinesCarryTheTime(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMilli()
	s := settled(t, class(`console.log("now")`))
	if at := s.Lines[0].Time; at < before || at > time.Now().UnixMilli() {
		t.Errorf("time %d, before %d", at, before)
	}
}

func TestLogLimitOfLines(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`for (let i = 0; i < 150; i++) console.log(i)`))
	last := s.Lines[len(s.Lines)-1]
	if len(s.Lines) != 101 || s.Lines[99].Message != "99" || last.Level != runtime.Warn || !strings.Contains(last.Message, "50 log lines were dropped") {
		t.Errorf("%d lines, last %+v", len(s.Lines), last)
	}
	if s := settled(t, class(`for (let i = 0; i < 100; i++) console.log(i)`)); len(s.Lines) != 100 {
		t.Errorf("%d lines", len(s.Lines))
	}
}

func TestLogLimitOfBytes(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`for (let i = 0; i < 10; i++) console.log("é".repeat(10000), { pad: "x".repeat(5000) })`))
	total := 0
	for _, l := range s.Lines[:len(s.Lines)-1] {
		total += len(l.Message) + len(l.Fields)
		if l.Fields != nil && !json.Valid(l.Fields) {
			t.Errorf("fields %.80s", l.Fields)
		}
	}
	if limit := runtime.DefaultLimits().LogBytes; total > limit || total < limit-5100 {
		t.Errorf("%d bytes of %d", total, limit)
	}
	if last := s.Lines[len(s.Lines)-1]; !strings.Contains(last.Message, "log lines were dropped") {
		t.Errorf("last line %+v", last)
	}
}

func TestLogLimitsCountOverSegmentsAndErrors(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`
		for (let i = 0; i < 60; i++) console.log(i);
		await new Promise(f => setTimeout(f, 1));
		for (let i = 0; i < 60; i++) console.log(i);
		throw new Error("end")`)).New(message(`{}`))
	s := wait(t, r.Start())
	turn := r.Resume(resume(s.Begin[0].ID, ""))
	failed(t, turn)
	if n := len(turn.Segment.Lines); len(s.Lines) != 60 || n != 41 {
		t.Errorf("%d and %d lines", len(s.Lines), n)
	}
}

func TestHugeArgumentsAreCheapToLog(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`console.log("x".repeat(1e6), new Array(1e5).fill(1), { bytes: new Uint8Array(1e6), s: "y".repeat(1e6) })`))
	if n := len(s.Lines[0].Message) + len(s.Lines[0].Fields); n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}
