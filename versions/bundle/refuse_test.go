package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/versions"
)

func TestRefusedSourcesSayWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string // of src/main.ts; ^ marks the place and is left out
		want   string // part of the message
	}{
		"node import":            {`import fs from ^"node:fs"; export default { fs }`, "no Node built-ins"},
		"built-in import":        {"\n\timport { join } from ^'path/posix'; export default { join }", "no Node built-ins"},
		"built-in require":       {`export default { a: require(^"crypto") }`, "no Node built-ins"},
		"built-in in try":        {`let c; try { c = require(^"crypto") } catch {} export default { c }`, "no Node built-ins"},
		"built-in import()":      {`export default { m() { return import(^"node:os").catch(() => {}) } }`, "no Node built-ins"},
		"http import":            {`import x from ^"https://esm.sh/zod"; export default x`, "is a URL"},
		"data import":            {`import x from ^"data:text/javascript,1"; export default x`, "is a URL"},
		"file URL import":        {`import x from ^"file:///etc/passwd"; export default x`, "is a URL"},
		"absolute import":        {`import x from ^"/etc/passwd"; export default x`, "absolute path"},
		"drive import":           {`import x from ^"C:/x.ts"; export default x`, "is a URL"},
		"double slash import":    {`import x from ^"//host/x"; export default x`, "absolute path"},
		"import out of project":  {`import x from ^"../../x"; export default x`, "leads out of the project"},
		"missing file":           {`import x from ^"./nope"; export default x`, "does not exist"},
		"missing package":        {`import x from ^"nope"; export default x`, `no package "nope"`},
		"missing export of file": {`import { ^nope } from "./lib"; export default { nope }`, `no matching export in "src/lib.ts"`},
		"other kind of file":     {`import x from ^"./style.css"; export default x`, "cannot be imported"},
		"non-literal import()":   {`export default { m(x) { return ^import(x) } }`, "string literal"},
		"pattern import()":       {"export default { m(x) { return import(^`./a/${x}.ts`) } }", "string literal"},
		"pattern of everything":  {"export default { m(x) { return import(^`../../../../../../../../etc/${x}`) } }", "string literal"},
		"pattern require()":      {`export default { m(x) { return require(^"./lib" + x) } }`, "string literal"},
		"non-literal require()":  {`export default { m(x) { return ^require(x) } }`, "string literal"},
		"unused import()":        {`function unused(x) { return ^import(x) } export default {}`, "string literal"},
		"require as a value":     {`const r = ^require; export default { r }`, "require can only be called"},
		"import.meta":            {`export default { a: ^import.meta.url }`, "no import.meta"},
		"property escape":        {`export default { m: (x) => /^\p{L}/u.test(x) }`, "unicode property escapes"},
		"property escape in v":   {`export default { m: (x) => /[^\p{L}]/v }`, "flag \"v\""},
		"v flag":                 {`export default { m: (x) => /a/^v }`, `flag "v"`},
		"d flag":                 {`export default { m: (x) => /a/g^d }`, `flag "d"`},
		"top-level await":        {`^await 1; export default {}`, "top-level await is not available in the engine"},
		"syntax error":           {"export default {\n  a: 1,^,\n};", "expected identifier"},
		"type error of syntax":   {"const a = 1; const ^a = 2; export default {}", "already been declared"},
		"after wide characters":  {"const ü = '🙂'; import(^x); export default {}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after, marked := strings.Cut(c.source, "^")
			e := refused(t, sources("src/main.ts", before+after, "src/lib.ts", "export const lib = 1", "src/style.css", "a{}"), mainScript)
			if e.Script != "s" || e.File != "src/main.ts" || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %#v", e)
			}
			line, column := 1+strings.Count(before, "\n"), 1
			for _, r := range before[strings.LastIndex(before, "\n")+1:] {
				column += len([]rune(fmt.Sprintf("%c", r)))
				if r > 0xffff {
					column++
				}
			}
			if name == "property escape in v" || name == "after wide characters" {
				return // the position of another part, and one of two
			}
			if marked && (e.Line != line || e.Column != column) {
				t.Errorf("at %d:%d, want %d:%d", e.Line, e.Column, line, column)
			}
			if shown := strings.Split(e.Frame, "\n"); len(shown) != 2 || !strings.HasSuffix(shown[1], "^") || strings.TrimLeft(shown[1], " \t") != "^" {
				t.Errorf("frame %q", e.Frame)
			}
		})
	}
}

func TestFrameMarksThePlace(t *testing.T) {
	t.Parallel()
	e := refused(t, sources("src/main.ts", "export default {};\r\n\tconst ü = '🙂', b = ;\r\n"), mainScript)
	if want := "\tconst ü = '🙂', b = ;\n\t                   ^"; e.Frame != want || e.Line != 2 || e.Column != 22 {
		t.Errorf("got %d:%d\n%s\nwant\n%s", e.Line, e.Column, e.Frame, want)
	}
	long := strings.Repeat("a;", 5000) + "let b = ;" + strings.Repeat("c;", 5000)
	e = refused(t, sources("src/main.ts", long), mainScript)
	line, marker, _ := strings.Cut(e.Frame, "\n")
	if len(line) > frameWidth || e.Column != 10009 || line[len(marker)-1] != ';' || !strings.HasSuffix(line[:len(marker)-1], "let b = ") {
		t.Errorf("column %d\n%s\n%s", e.Column, line, marker)
	}
}

func TestFurtherErrorsAreCounted(t *testing.T) {
	t.Parallel()
	e := refused(t, sources("src/main.ts", `import "./a"; import "./b"; import "./c"; export default {}`), mainScript)
	if e.More != 2 {
		t.Errorf("%d more, want 2", e.More)
	}
}

func TestMainFileIsBlamedForTheEntrypoint(t *testing.T) {
	t.Parallel()
	files := sources("src/main.ts", `export const a = 1`, "data.json", `{}`)
	for want, script := range map[string]versions.Script{
		"no default export":                {Main: "src/main.ts"},
		`no export "Fan"`:                  {Main: "src/main.ts", Export: "Fan"},
		`export "a b" is not a name`:       {Main: "src/main.ts", Export: "a b"},
		`export "a}from'x'" is not a name`: {Main: "src/main.ts", Export: "a}from'x'"},
		"does not exist":                   {Main: "src/nope.ts"},
		"is TypeScript or JavaScript":      {Main: "data.json"},
		`the part ".."`:                    {Main: "../x.ts"},
	} {
		script.Name = "s"
		e := refused(t, files, script)
		if e.File != script.Main || e.Script != "s" || !strings.Contains(e.Message, want) {
			t.Errorf("want %q, got %#v", want, e)
		}
	}
}

func TestSourceMapCommentsAreNotFollowed(t *testing.T) {
	t.Parallel()
	hostile := `data:application/json,{"version":3,"sources":["file:///etc/passwd"],"names":[],"mappings":"AAAA"}`
	for _, comment := range []string{"//# sourceMappingURL=", "//@ sourceMappingURL=", "/*# sourceMappingURL=", "/*@ sourceMappingURL="} {
		for _, url := range []string{hostile, "file:///etc/passwd", "main.js.map"} {
			end := ""
			if strings.HasPrefix(comment, "/*") {
				end = " */"
			}
			r := compile(t, sources("src/main.ts", "export default { a: 1 };\n"+comment+url+end))
			m, err := parseMap(r.Bundle.SourceMap)
			if err != nil || len(m.Sources) != 2 || m.Sources[0] != "src/main.ts" || !strings.Contains(m.SourcesContent[0], comment+url) {
				t.Errorf("%s%s: %v %s", comment, url, err, r.Bundle.SourceMap)
			}
		}
	}
	if got := says(t, sources("src/main.ts", "throw new Error('//# sourceMappingURL=x' + `//# sourceMappingURL=y`)\nexport default {}")); got != "//# sourceMappingURL=x//# sourceMappingURL=y" {
		t.Errorf("a string was changed to %q", got)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	big := "export default {}; //" + strings.Repeat("x", versions.MaxFile)
	if e := refused(t, sources("src/main.ts", big), mainScript); !strings.Contains(e.Message, "larger than 1 MiB") {
		t.Error(e)
	}
	many := Memory{}
	var all strings.Builder
	for i := range versions.MaxFiles {
		name := fmt.Sprintf("f%d", i)
		many["src/"+name+".ts"] = []byte("export {}")
		fmt.Fprintf(&all, "import './%s';", name)
	}
	many["src/main.ts"] = []byte(all.String() + "export default {}")
	if e := refused(t, many, mainScript); !strings.Contains(e.Message, "more than 4000 files") {
		t.Error(e)
	}
	heavy := sources("src/main.ts", "import './0';import './1';import './2';import './3';import './4';import './5';import './6';import './7';export default {}")
	for i := range 8 {
		heavy[fmt.Sprintf("src/%d.ts", i)] = []byte("//" + strings.Repeat("x", versions.MaxFile-2))
	}
	if e := refused(t, heavy, mainScript); !strings.Contains(e.Message, "more than 8 MiB") {
		t.Error(e)
	}
	wide := Memory{"src/main.ts": []byte("import a from './a.txt';import b from './b.txt';import c from './c.txt';export default {a,b,c}")}
	for _, name := range []string{"a", "b", "c"} {
		wide["src/"+name+".txt"] = []byte(strings.Repeat("é", versions.MaxFile/2)) // twice as long in the bundle
	}
	if e := refused(t, wide, mainScript); !strings.Contains(e.Message, "limit is 4 MiB") {
		t.Error(e)
	}
	if e := refused(t, Memory{"src/main.ts": []byte("export default '\xff'")}, mainScript); !strings.Contains(e.Message, "not UTF-8") {
		t.Error(e)
	}
}
