package bundle

import (
	"strings"
	"testing"
	"time"
)

func TestNestingIsRefused(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"round": "(", "square": "[", "curly": "{", "not": "!", "complement": "~", "minus": "- ", "plus": "+ ",
		"typeof": "typeof ", "new": "new ", "await": "await ", "if": "if(1)", "while": "while(1) ", "for": "for(;;)", "for await": "for await(a of b)",
		"do": "do ", "template": "`${", "block": "if(1){", "mixed": "!(-[", "with comments": "/* ) */(", "arrow body": "()=>{",
		"call": "f(", "regular expression": "(/)/,",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deep := strings.Repeat(unit, maxNesting+1)
			if at := tooDeep([]byte(deep)); at < 0 || at > len(deep) {
				t.Errorf("%d times %q passes", maxNesting+1, unit)
			}
			if at := tooDeep([]byte(strings.Repeat(unit, maxNesting/4))); at >= 0 {
				t.Errorf("%d times %q is refused", maxNesting/4, unit)
			}
		})
	}
}

func TestNestingErrorHasAPlace(t *testing.T) {
	t.Parallel()
	e := refused(t, sources("src/main.ts", `import "./deep"; export default {}`, "src/deep.ts", "const a =\n"+strings.Repeat("[", 1_000_000)), mainScript)
	if e.File != "src/deep.ts" || e.Line != 2 || e.Column != maxNesting+2 || e.Message != "nested more than 500 levels deep" || e.Frame == "" {
		t.Errorf("got %s: %q", e, e.Frame)
	}
}

func TestFlatCodeIsNotNested(t *testing.T) {
	t.Parallel()
	const times = 20_000
	for name, unit := range map[string]string{
		"statements": "if (a) b(); else if (c) d();\n", "else if": "if (a) { b() } else ", "loops": "for (const a of b) if (a) while (a) a--;\n",
		"additions": "(a) + (b) - -c + ", "divisions": "a / b / (c) / ", "not null": "a! + b!.c[0]! - ", "not": "!a && !(b) || !!c && ",
		"regular expressions": "x = /[(]/.test(y) || /\\(\\[{/g.exec(y); if (z) /(/.test(z);\n",
		"strings":             `x = "((((" + '[[[[' + "\"(" + '\'(';` + "\n", "templates": "x = `((( ${a(`{{{${b}`)} [[[ \\` \\${ `;\n",
		"comments": "// (((( don't\n/* [[[[ ' */\n/**/ /***/ /*/ ( */\n", "objects": "x = { a: { b: [1, { c }] }, if: 1, typeof: 2, delete() {} };\n",
		"classes": "class A<T extends B<C>> { #p = 1; static { this.x = 1 } get if() { return /a/ } async *g() { yield* await b } }\n",
		"jsx":     "const a = <ul className=\"x\">don't ( stop<li key={i}>{list.map(x => <b>{x}</b>)}</li></ul>;\n",
		"jsx end": "const b = <a>{x}</a>, c = <p>{y.map(z => <i>{z}</i>)}</p>;\n",
		"numbers": "x = [1e+5, .5, 1.5e-3, 0x1F, 1_000n, 1..toFixed()];\n", "members": "a.if.typeof.new.await.delete?.void[0].else;\n",
		"arrows": "const f = (a) => (b) => ({ a, b });\n", "types": "type A = { [K in keyof T]?: T[K] extends (infer U)[] ? U : never };\n",
		"updates": "a++; --b; c = a++ + ++b; d = a-- - --b;\n", "unterminated": "x = 'oops\n(a)\n", "news": "new (a())(); new A; new B();\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if at := tooDeep([]byte(strings.Repeat(unit, times))); at >= 0 {
				t.Errorf("refused at repetition %d of %q", at/len(unit), unit)
			}
		})
	}
}

func TestScanIsLinear(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"=/[", "/", "`${", "'\\", "(]", "a/*", "<", "}"} {
		start := time.Now()
		tooDeep([]byte(strings.Repeat(unit, 1<<20/len(unit))))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("1 MiB of %q takes %v", unit, took)
		}
	}
}

func FuzzTooDeep(f *testing.F) {
	for _, seed := range []string{"`${`${1}`}`", "a = /[/]/.test(b) / c", "<a>{b}</a>", "if(1)if(1)for(;;){", "/*/", "'\\", "`\\", "}])", "`${)}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if at := tooDeep([]byte(source)); at >= len(source) {
			t.Errorf("place %d of %d bytes", at, len(source))
		}
		if len(source) < maxNesting && tooDeep([]byte(source)) >= 0 {
			t.Errorf("%d bytes nest too deep", len(source))
		}
	})
}
