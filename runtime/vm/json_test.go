package vm

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

func realm(t testing.TB) *Run {
	t.Helper()
	r := compile(t, class(``)).New(message(`{}`))
	r.open()
	return r
}

func (r *Run) strict() *encoder {
	return &encoder{run: r, what: "it", bytes: 1 << 20, nodes: 1 << 20, depth: 1000}
}

func TestPayloadIsOrdinaryObjects(t *testing.T) {
	t.Parallel()
	s := wantSettled(t, start(t, class(`
		const own = Object.getOwnPropertyDescriptor(m, "__proto__");
		m.list.push(3); m.o.added = true; delete m.gone;
		return [
			Object.getPrototypeOf(m) === Object.prototype, Array.isArray(m.list), m.list instanceof Array, m.o instanceof Object,
			own.value.evil, own.writable && own.enumerable && own.configurable, m.evil === undefined, ({}).evil === undefined,
			Object.keys(m), m.list, typeof m.n, 1 / m.zero, m.big, Object.isExtensible(m), m.s, m.u === null, m.t, m.d,
		]`), `{"__proto__":{"evil":1},"list":[1,2],"o":{},"gone":1,"n":1e2,"zero":-0,"big":12345678901234567890,"s":"é\u00e9\ud83d\ude00\n","u":null,"t":true,"d":1,"d":2}`))
	want := `[true,true,true,true,1,true,true,true,["__proto__","list","o","n","zero","big","s","u","t","d"],[1,2,3],"number",null,12345678901234567000,true,"éé😀\n",true,true,2]`
	if got := string(s.Outcome.Value); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPayloadRunsNoSettersOfTheScript(t *testing.T) {
	t.Parallel()
	s := wantSettled(t, start(t, script(`
		let hits = 0;
		for (const k of ["a", "0"]) Object.defineProperty(Object.prototype, k, { set() { hits++ }, get() { hits++; return 9 }, configurable: true });
		Array.prototype.push = () => { hits++ };
		__tendril_export({ onMessage(m) { return [hits, Object.getOwnPropertyDescriptor(m, "a").value, m.l.length, hits] } });`), `{"a":1,"l":[5]}`))
	if got := string(s.Outcome.Value); got != `[0,1,1,0]` {
		t.Errorf("got %s", got)
	}
}

func TestLoneSurrogatesSurvive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ payload, want string }{
		{`{"s":"a\ud800b"}`, `["a\ud800b",3]`},
		{`{"s":"\udc00\ud800"}`, `["\udc00\ud800",2]`},
		{`{"s":"\ud800\ud83d\ude00é"}`, `["\ud800😀é",4]`},
		{`{"s":"�"}`, `["�",1]`},
		{`{"s":"\ud800A"}`, `["\ud800A",2]`},
	} {
		s := wantSettled(t, start(t, class(`return [m.s, m.s.length]`), c.payload))
		if got := string(s.Outcome.Value); got != c.want {
			t.Errorf("%s: got %s, want %s", c.payload, got, c.want)
		}
	}
}

func TestDecodeRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	r := realm(t)
	for _, text := range []string{
		"", " ", "{", "}", "[", "[1,", "[1,]", "[,1]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`,
		"nul", "truex", "TRUE", "01", "1.", ".5", "-", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", `"`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", `"\`, "1 2", `"a""b"`,
		strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	} {
		if v, err := r.decode([]byte(text)); err == nil {
			t.Errorf("%.40q became %v", text, v)
		}
	}
}

func TestLenientTextIsAlwaysJSON(t *testing.T) {
	t.Parallel()
	r := realm(t)
	for _, expression := range []string{
		`({ a: 1n, f() {}, u: undefined, n: NaN, s: Symbol("x"), e: new Error("boom"), d: new Date(NaN) })`,
		`(() => { const a = [1]; a.push(a, { a }); return a })()`,
		`Array(100000).fill("x")`, `({ s: "é".repeat(200000), after: 1 })`, `Array(4e9)`,
		`(() => { let a = {}; for (let i = 0; i < 100; i++) a = { a }; return a })()`,
		`Object.fromEntries(Array.from({ length: 20000 }, (_, i) => ["k" + i, i]))`,
		`({ p: Promise.resolve(1), m: new Map(), w: new WeakMap(), r: /x/g, b: new Uint8Array(5), t: new Uint8Array(1e6) })`,
		`new Proxy({}, { ownKeys() { throw 1 } })`, `({ toJSON() { throw 1 } })`, `({ get a() { throw 1 } })`,
	} {
		v, err := r.rt.RunProgram(goja.MustCompile("", expression, true))
		if err != nil {
			t.Fatal(expression, err)
		}
		text := r.lenient(v.(*goja.Object))
		if !json.Valid(text) || len(text) > 2*r.limits.LogBytes {
			t.Errorf("%s: %d bytes: %.200s", expression, len(text), text)
		}
	}
}

func BenchmarkDecode1KB(b *testing.B) {
	r := realm(b)
	text := []byte(kilobyte())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse1KBInTheRealm(b *testing.B) {
	r := realm(b)
	parse, _ := goja.AssertFunction(r.rt.GlobalObject().Get("JSON").(*goja.Object).Get("parse"))
	text := r.rt.ToValue(kilobyte())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(nil, text); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode holds the builder against encoding/json, there and back.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5,1e3,true,false,null,"x\u00e9\ud83d\ude00\\"],"__proto__":{}}`, `[[],{},""]`, `"\ud800"`, `1e999`, `{"a":1,"a":2}`, `  7 `, "\"\x80\"",
		`{"1":1,"0":2}`, kilobyte(),
	} {
		f.Add([]byte(seed))
	}
	program := compile(f, class(``))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		r := program.New(message(`{}`))
		r.open()
		v, err := r.decode(text)
		if valid := json.Valid(text); (err == nil) != valid && bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) < decodeDepth {
			t.Fatalf("%q: %v, valid is %v", text, err, valid)
		}
		var want, got any
		if err != nil || json.Unmarshal(text, &want) != nil {
			return
		}
		out := r.strict().encode(v)
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q came back as %q: %v", text, out, err)
		}
		if !reflect.DeepEqual(normal(got), normal(want)) {
			t.Fatalf("%q came back as %q", text, out)
		}
	})
}

// normal makes equal what JSON.stringify makes equal.
func normal(v any) any {
	switch x := v.(type) {
	case float64:
		if x == 0 {
			return math.Abs(x)
		}
	case []any:
		for i := range x {
			x[i] = normal(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = normal(x[k])
		}
	}
	return v
}
