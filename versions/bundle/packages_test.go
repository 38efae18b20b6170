package bundle

import (
	"slices"
	"strings"
	"testing"
)

// answers compiles an import of packages and returns what it evaluates to.
func answers(t *testing.T, expression string, files ...string) (string, Result) {
	t.Helper()
	m := sources(files...)
	m["src/main.ts"] = []byte(expression + "\nthrow new Error(String(out)); export default {}")
	r := compile(t, m)
	if again := compile(t, NewMemory(r.Files)); !slices.Equal(again.Bundle.Inputs, r.Bundle.Inputs) || string(again.Bundle.Code) != string(r.Bundle.Code) {
		t.Errorf("the closure %q alone gives another bundle", r.Bundle.Inputs)
	}
	_, err := load(t, r)
	if err == nil {
		t.Fatal("nothing was thrown")
	}
	return err.Message, r
}

func TestPackageResolution(t *testing.T) {
	t.Parallel()
	const pkg = "node_modules/p/"
	for name, c := range map[string]struct {
		source, want string
		files        []string
	}{
		"main":            {`import out from "p"`, "lib", []string{pkg + "package.json", `{"main":"./lib"}`, pkg + "lib/index.js", `module.exports = "lib"`}},
		"no package.json": {`import out from "p"`, "index", []string{pkg + "index.js", `export default "index"`}},
		"single file":     {`import out from "p"`, "file", []string{"node_modules/p.js", `export default "file"`}},
		"module before main": {`import out from "p"`, "esm", []string{pkg + "package.json", `{"main":"./cjs.js","module":"./esm.js"}`,
			pkg + "cjs.js", `module.exports = "cjs"`, pkg + "esm.js", `export default "esm"`}},
		"require takes main": {`const out = require("p")`, "cjs", []string{pkg + "package.json", `{"main":"./cjs.js","module":"./esm.js"}`,
			pkg + "cjs.js", `module.exports = "cjs"`, pkg + "esm.js", `export default "esm"`}},
		"subpath":       {`import out from "p/a/b"`, "ab", []string{pkg + "package.json", `{}`, pkg + "a/b.mjs", `export default "ab"`}},
		"scoped":        {`import out from "@s/p/x"`, "x", []string{"node_modules/@s/p/package.json", `{}`, "node_modules/@s/p/x.js", `export default "x"`}},
		"nearest first": {`import out from "p"`, "near", []string{"src/node_modules/p/index.js", `export default "near"`, pkg + "index.js", `export default "far"`}},
		"exports sugar": {`import out from "p"`, "e", []string{pkg + "package.json", `{"main":"./no.js","exports":"./e.js"}`, pkg + "e.js", `export default "e"`}},
		"conditions in the package's order": {`import out from "p"`, "browser", []string{pkg + "package.json",
			`{"exports":{".":{"types":"./t.d.ts","node":"./node.js","browser":"./b.js","import":"./i.js","default":"./d.js"}}}`,
			pkg + "b.js", `export default "browser"`, pkg + "i.js", `export default "import"`, pkg + "node.js", `export default "node"`, pkg + "d.js", ``}},
		"import and require differ": {`import a from "p"; const out = a + require("p")`, "ir", []string{pkg + "package.json",
			`{"exports":{"import":"./i.mjs","require":"./r.cjs"}}`, pkg + "i.mjs", `export default "i"`, pkg + "r.cjs", `module.exports = "r"`}},
		"nested conditions": {`import out from "p"`, "deep", []string{pkg + "package.json",
			`{"exports":{".":{"node":{"import":"./n.js"},"import":{"electron":null,"default":"./d.js"},"default":"./deep.js"}}}`,
			pkg + "d.js", `export default "deep"`, pkg + "deep.js", `export default "no"`, pkg + "n.js", ``}},
		"array of targets": {`import out from "p"`, "a", []string{pkg + "package.json", `{"exports":[{"node":"./n.js"},"./a.js"]}`, pkg + "a.js", `export default "a"`}},
		"pattern": {`import out from "p/features/x/y.js"`, "xy", []string{pkg + "package.json",
			`{"exports":{"./features/*":"./no/*","./features/x/*.js":"./src/x/*.mjs","./features/private/*":null}}`, pkg + "src/x/y.mjs", `export default "xy"`}},
		"imports": {`import out from "p"`, "in", []string{pkg + "package.json", `{"imports":{"#in":{"node":"./n.js","default":"./in.js"}}}`,
			pkg + "index.js", `export { default } from "#in"`, pkg + "in.js", `export default "in"`}},
		"imports of a package": {`import out from "p"`, "q", []string{pkg + "package.json", `{"imports":{"#q/*":"q/lib/*"}}`,
			pkg + "index.js", `export { default } from "#q/x.js"`, "node_modules/q/lib/x.js", `export default "q"`}},
		"imports of the project": {`import out from "#lib/a"`, "a", []string{"package.json", `{"imports":{"#lib/*":"./src/lib/*.ts"}}`, "src/lib/a.ts", `export default "a"`}},
		"package by its own name": {`import out from "p"`, "self", []string{pkg + "package.json", `{"name":"p","exports":{".":"./i.js","./x":"./x.js"}}`,
			pkg + "i.js", `export { default } from "p/x"`, pkg + "x.js", `export default "self"`}},
		"project by its own name": {`import out from "me/x"`, "me", []string{"package.json", `{"name":"me","exports":{"./x":"./src/x.ts"}}`, "src/x.ts", `export default "me"`}},
		"browser field replaces files": {`import out from "p"`, "b", []string{pkg + "package.json", `{"main":"./a.js","browser":{"./n.js":"./b.js"}}`,
			pkg + "a.js", `module.exports = require("./n")`, pkg + "n.js", `module.exports = require("fs")`, pkg + "b.js", `module.exports = "b"`}},
		"browser field drops modules": {`import out from "p"`, "object", []string{pkg + "package.json", `{"browser":{"fs":false}}`,
			pkg + "index.js", `module.exports = typeof require("fs")`}},
		"built-in in a package's try":       {`import out from "p"`, "none", []string{pkg + "index.js", `let c; try { c = require("node:crypto") } catch { c = "none" } module.exports = c`}},
		"polyfill of a built-in":            {`import out from "events"`, "ev", []string{"node_modules/events/index.js", `module.exports = "ev"`}},
		"TypeScript by its JavaScript name": {`import a from "./a.js"; import b from "./b.mjs"; const out = a + b`, "ab", []string{"src/a.tsx", `export default "a"`, "src/b.mts", `export default "b"`}},
		"folder with index":                 {`import out from "./lib"`, "i", []string{"src/lib/index.ts", `export default "i"`}},
		"own folder":                        {`import out from "."`, "i", []string{"src/index.ts", `export default "i"`}},
		"TypeScript before JavaScript":      {`import out from "./a"`, "ts", []string{"src/a.ts", `export default "ts"`, "src/a.js", `export default "js"`}},
		"JavaScript first in packages":      {`import out from "p/a"`, "js", []string{pkg + "a.ts", `export default "ts"`, pkg + "a.js", `export default "js"`}},
		"JSON, text and a mark of order":    {`import j from "./j.json"; import t from "./t.txt"; const out = j.a + t`, "1x", []string{"src/j.json", "\xef\xbb\xbf{\"a\":\"1\"}", "src/t.txt", "x"}},
		"NODE_ENV":                          {`import out from "p"`, "production", []string{pkg + "index.js", `module.exports = process.env.NODE_ENV`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := answers(t, c.source, c.files...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPackagesThatCannotBeImported(t *testing.T) {
	t.Parallel()
	const pkg = "node_modules/p/"
	for want, files := range map[string][]string{
		`does not export "./x"`:            {"p/x", pkg + "package.json", `{"exports":{".":"./x.js"}}`, pkg + "x.js", ``},
		`does not export "./private/a"`:    {"p/private/a", pkg + "package.json", `{"exports":{"./*":"./*.js","./private/*":null}}`, pkg + "private/a.js", ``},
		`does not export "."`:              {"p", pkg + "package.json", `{"exports":{"node":"./x.js"}}`, pkg + "x.js", ``},
		`leads out of the package`:         {"p", pkg + "package.json", `{"exports":"./../../src/main.ts"}`},
		`"./gone.js" does not exist`:       {"p", pkg + "package.json", `{"exports":"./gone.js"}`},
		`package.json: invalid JSON`:       {"p", pkg + "package.json", `{"exports":`, pkg + "index.js", ``},
		`package.json: not a JSON object`:  {"p", pkg + "package.json", `[]`, pkg + "index.js", ``},
		`nested more than 64 levels deep`:  {"p", pkg + "package.json", strings.Repeat(`{"exports":`, 70) + "1" + strings.Repeat("}", 70)},
		`no import "#a"`:                   {"#a", "package.json", `{"imports":{"#b":"./b.js"}}`},
		`leads to "node:fs"`:               {"#a", "package.json", `{"imports":{"#a":"node:fs"}}`},
		`there is no package "#a"`:         {"#a"},
		`there is no package "..\\p"`:      {`..\\p`, "src/p.ts", ``},
		`there is no package "p%2fx"`:      {`p%2fx`, pkg + "x.js", ``},
		`the engine has no Node built-ins`: {"p", pkg + "index.js", `module.exports = require("fs")`},
		`has to be a string literal`:       {"p", pkg + "index.js", `module.exports = x => require(x)`},
		`unexpected end of file`:           {"p", pkg + "index.js", `{`},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			m := sources(files[1:]...)
			m["src/main.ts"] = []byte(`import x from "` + files[0] + `"; export default { x }`)
			if e := refused(t, m, mainScript); !strings.Contains(e.Message, want) {
				t.Errorf("got %v", e)
			} else if e.Line == 0 || e.Frame == "" {
				t.Errorf("no position: %#v", e)
			}
		})
	}
}

func TestConsultedManifestsAreInputs(t *testing.T) {
	t.Parallel()
	got, r := answers(t, `import { out } from "p/esm/x.js"`,
		"package.json", `{"name":"project"}`,
		"node_modules/p/package.json", `{"sideEffects":false}`,
		"node_modules/p/esm/package.json", `{"type":"module"}`,
		"node_modules/p/esm/x.js", `import "q"; export const out = "x"`,
		"node_modules/q/package.json", `{"main":"m"}`, "node_modules/q/m.js", ``,
		"node_modules/r/package.json", `{}`)
	want := []string{"node_modules/p/esm/package.json", "node_modules/p/esm/x.js", "node_modules/p/package.json",
		"node_modules/q/m.js", "node_modules/q/package.json", "src/main.ts"}
	if got != "x" || !slices.Equal(r.Bundle.Inputs, want) {
		t.Errorf("got %q and %q", got, r.Bundle.Inputs)
	}
}

func TestUnusedModulesWithoutSideEffectsAreLeftOut(t *testing.T) {
	t.Parallel()
	_, r := answers(t, `import { out } from "p"`,
		"node_modules/p/package.json", `{"sideEffects":false,"module":"i.js"}`,
		"node_modules/p/i.js", `export { out } from "./a.js"; export { heavy } from "./b.js"`,
		"node_modules/p/a.js", `export const out = 1`,
		"node_modules/p/b.js", `globalThis.effect = 1; export const heavy = "heavy text"`)
	if strings.Contains(string(r.Bundle.Code), "effect") {
		t.Errorf("%s", r.Bundle.Code)
	}
}

func TestTendrilIsTheBinarysOwnModule(t *testing.T) {
	t.Parallel()
	got, r := answers(t, `import * as tendril from "tendril"; const out = Object.keys(tendril) + new tendril.DeviceEntrypoint("env").env`,
		"node_modules/tendril/package.json", `{"main":"evil.js"}`, "node_modules/tendril/evil.js", `throw 1`)
	if got != "DeviceEntrypointenv" || !slices.Equal(r.Bundle.Inputs, []string{"src/main.ts"}) {
		t.Errorf("got %q of %q", got, r.Bundle.Inputs)
	}
}
