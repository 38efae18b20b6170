package vm

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// thermostat is a bundle as esbuild makes it, with its source map.
func thermostat(t testing.TB) *Program {
	t.Helper()
	code, err := os.ReadFile("testdata/thermostat.js")
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := os.ReadFile("testdata/thermostat.js.map")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(Source{Main: "src/thermostat.ts", Code: code, SourceMap: mapping})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// position finds a word in an original file as "file:line:column".
func position(t testing.TB, name, word string) (file string, line, column int) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(string(text), word)
	if i < 0 {
		t.Fatalf("%s has no %q", name, word)
	}
	line = strings.Count(string(text[:i]), "\n") + 1
	return "src/" + name, line, i - strings.LastIndexByte(string(text[:i]), '\n')
}

func wantPosition(t testing.TB, e *runtime.ScriptError, name, word string) {
	t.Helper()
	file, line, column := position(t, name, word)
	if e.File != file || e.Line != line || e.Column != column {
		t.Errorf("error at %s:%d:%d, want %s:%d:%d", e.File, e.Line, e.Column, file, line, column)
	}
}

func TestErrorCarriesTypeScriptPositionAndStack(t *testing.T) {
	t.Parallel()
	e := failed(t, thermostat(t).New(message(`{"type":"r","celsius":"hot"}`)).Start())
	if e.Name != "TypeError" || e.Message != "celsius must be a number" {
		t.Errorf("error is %s: %s", e.Name, e.Message)
	}
	wantPosition(t, e, "limits.ts", `new TypeError`)
	for _, want := range []string{"TypeError: celsius must be a number\n", "at tooWarm (src/limits.ts:3:11)", "at check (src/thermostat.ts:", "src/thermostat.ts:17:5"} {
		if !strings.Contains(e.Stack, want) {
			t.Errorf("stack lacks %q:\n%s", want, e.Stack)
		}
	}
	if strings.Contains(e.Stack, bundleName) || strings.Contains(e.Stack, "tendril:") {
		t.Errorf("stack shows the bundle:\n%s", e.Stack)
	}
}

func TestErrorCarriesItsCause(t *testing.T) {
	t.Parallel()
	e := failed(t, thermostat(t).New(message(`{"type":"r","celsius":31}`)).Start())
	wantPosition(t, e, "thermostat.ts", `new RangeError`)
	if e.Cause == nil || e.Cause.Name != "Error" || e.Cause.Message != "sun" {
		t.Fatalf("cause is %+v", e.Cause)
	}
	wantPosition(t, e.Cause, "thermostat.ts", `new Error("sun")`)
}

func TestThrownTextStandsAtTheHandler(t *testing.T) {
	t.Parallel()
	e := failed(t, thermostat(t).New(message(`{"type":"text"}`)).Start())
	if e.Name != "Error" || e.Message != "only text" {
		t.Errorf("error is %s: %s", e.Name, e.Message)
	}
	wantPosition(t, e, "thermostat.ts", "async onMessage")
}

func TestThrownValuesHaveAMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, name, message string }{
		{`throw "plain"`, "Error", "plain"},
		{`throw 42`, "Error", "42"},
		{`throw undefined`, "Error", "undefined"},
		{`throw null`, "Error", "null"},
		{`throw { code: 7 }`, "Error", `{"code":7}`},
		{`throw Symbol("s")`, "Error", "Symbol(s)"},
		{`throw 10n`, "Error", "10n"},
		{`class Odd extends Error { name = "Odd" } throw new Odd("x")`, "Odd", "x"},
		{`const e = new Error(); e.message = { a: 1 }; throw e`, "Error", `[Object]`},
		{`throw new AggregateError([new Error("a")], "all")`, "AggregateError", "all"},
		{`m.missing.x`, "TypeError", "Cannot read property 'x' of undefined"},
		{`missing()`, "ReferenceError", "missing is not defined"},
	} {
		e := failed(t, start(t, class(c.body), `{}`))
		if e.Name != c.name || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %s: %s", c.body, e.Name, e.Message)
		}
		if e.File == "" || e.Line == 0 {
			t.Errorf("%s: no position: %+v", c.body, e)
		}
	}
}

func TestErrorsThatHoldThemselves(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`const e = new Error(); e.message = e; e.name = e; e.cause = e; console.log(e, { e }); console.log("x", { e }); throw e`,
		`const e = new Error(); e.message = { e }; e.cause = { e }; console.log(e); console.log({ e }); throw e`,
		`const e = new Error(); e.toJSON = () => e; console.log(e); console.log([e], { e }); throw { e }`,
	} {
		turn := start(t, class(body), `{}`)
		if e := failed(t, turn); e.Message == "" || len(turn.Segment.Lines) < 2 {
			t.Errorf("%s: %+v, lines %q", body, e, lines(turn.Segment))
		}
	}
}

func TestUnprintableErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`throw Object.defineProperty(new Error("x"), "message", { get() { throw 1 } })`,
		`throw Object.defineProperty(new Error("x"), "name", { get() { throw new Error("y") } })`,
		`const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy`,
	} {
		e := failed(t, start(t, class(body), `{}`))
		if e.Name != "Error" || e.Message != unprintable {
			t.Errorf("%s: %s: %s", body, e.Name, e.Message)
		}
	}
}

func TestThrowingProxyIsShownWithoutThrowing(t *testing.T) {
	t.Parallel()
	e := failed(t, start(t, class(`throw new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 } })`), `{}`))
	if e.Message != `"[unprintable]"` {
		t.Errorf("message is %q", e.Message)
	}
}

func TestLoopingGetterOfAnErrorIsInterrupted(t *testing.T) {
	t.Parallel()
	p := compile(t, class(`throw Object.defineProperty(new Error("x"), "message", { get() { for (;;); } })`))
	r := p.New(message(`{}`))
	e := failed(t, interruptAfter(r, 30*time.Millisecond, "cpu", r.Start))
	if e.Limit != "cpu" || e.Message != unprintable {
		t.Errorf("error is %+v", e)
	}
}

func TestCausesAreBoundedAndMayBeCyclic(t *testing.T) {
	t.Parallel()
	depth := func(e *runtime.ScriptError) (n int) {
		for ; e.Cause != nil; e = e.Cause {
			n++
		}
		return n
	}
	e := failed(t, start(t, class(`const a = new Error("a"); const b = new Error("b", { cause: a }); a.cause = b; throw a`), `{}`))
	if depth(e) != 1 || e.Cause.Message != "b" {
		t.Errorf("cyclic causes: %+v", e)
	}
	e = failed(t, start(t, class(`let e = new Error("0"); for (let i = 1; i < 50; i++) e = new Error(String(i), { cause: e }); throw e`), `{}`))
	if depth(e) != causeDepth {
		t.Errorf("%d causes", depth(e))
	}
	e = failed(t, start(t, class(`throw new Error("a", { cause: "why" })`), `{}`))
	if e.Cause == nil || e.Cause.Message != "why" {
		t.Errorf("cause is %+v", e.Cause)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	e := failed(t, start(t, class(`throw new Error("ä".repeat(20000))`), `{}`))
	if len(e.Message) > messageCap || !strings.HasSuffix(e.Message, "…") {
		t.Errorf("%d bytes", len(e.Message))
	}
}

func TestUnhandledRejectionEndsTheEvent(t *testing.T) {
	t.Parallel()
	e := failed(t, start(t, class(`console.log("kept"); env.DEVICE.send({ type: "lost" }); Promise.reject(new RangeError("nobody cared"))`), `{}`))
	if e.Name != "RangeError" || e.Message != "nobody cared" {
		t.Errorf("error is %+v", e)
	}
	settled(t, class(`const p = Promise.reject(1); await 0; p.catch(() => {})`))
}

func TestErrorKeepsLinesAndDropsEffects(t *testing.T) {
	t.Parallel()
	turn := start(t, class(`
		console.log("before");
		await env.DEVICE.kv.put("k", 1);
		await env.DEVICE.send({ type: "x" });
		setTimeout(() => {}, 1);
		throw new Error("late");`), `{}`)
	failed(t, turn)
	if got := lines(turn.Segment); got != "info before\n" {
		t.Errorf("lines: %q", got)
	}
}

func TestErrorInTheConstructorAndAtTheTopLevel(t *testing.T) {
	t.Parallel()
	e := failed(t, start(t, script(`class E { constructor() { throw new Error("ctor") } } __tendril_export(E)`), `{}`))
	if e.Message != "ctor" || e.Line == 0 {
		t.Errorf("error is %+v", e)
	}
	turn := start(t, script(`console.warn("loading"); throw new Error("top")`), `{}`)
	if e = failed(t, turn); e.Message != "top" {
		t.Errorf("error is %+v", e)
	}
	if got := lines(turn.Segment); got != "warn loading\n" {
		t.Errorf("lines: %q", got)
	}
}

func TestSyntaxErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"(() => {\n  let x = ;\n})()", "const a = 1; const a = 2;", "x = \u0000"} {
		_, err := Compile(Source{Main: "src/main.ts", Code: []byte(code)})
		var e *runtime.ScriptError
		if !errors.As(err, &e) || e.Name != "SyntaxError" || e.File != "src/main.ts" || e.Message == "" {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestStackTextOfLoggedErrorsIsTranslated(t *testing.T) {
	t.Parallel()
	p := thermostat(t)
	line, column := 0, 0
	for i, text := range strings.Split(string(p.source.Code), "\n") {
		if at := strings.Index(text, "new RangeError"); at >= 0 {
			line, column = i+1, at+1
		}
	}
	raw := "RangeError: x\n\tat check (bundle.js:" + toJSON(t, line) + ":" + toJSON(t, column) + "(12))\n and bundle.js:1"
	file, l, c := position(t, "thermostat.ts", "new RangeError")
	want := "RangeError: x\n\tat check (" + file + ":" + toJSON(t, l) + ":" + toJSON(t, c) + ")\n and bundle.js:1"
	if got := p.translate(raw); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestMalformedSourceMapsAreIgnored(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{", `{"version":3,"sources":["a.ts"],"mappings":"!!"}`, `{"sources":[],"mappings":"AAAA"}`, `{"mappings":"gggggggggggggggA"}`} {
		p, err := Compile(Source{Main: "a.ts", SourceMap: []byte(data), Code: []byte(class(`throw new Error("x")`))})
		if err != nil {
			t.Fatal(err)
		}
		if e := failed(t, p.New(message(`{}`)).Start()); e.Message != "x" || e.File == "" {
			t.Errorf("%q: %+v", data, e)
		}
	}
}

func FuzzSourceMap(f *testing.F) {
	f.Add(`{"sources":["a.ts"],"mappings":"AAAA;AACA,CAAC"}`, 1, 1)
	f.Fuzz(func(t *testing.T, data string, line, column int) {
		p := &Program{source: Source{SourceMap: []byte(data)}}
		p.locate(line, column)
	})
}
