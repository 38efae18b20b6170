package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
	"github.com/tendril-run/tendril/versions"
)

// sources holds files as "path", "content" pairs.
func sources(pairs ...string) Memory {
	m := Memory{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = []byte(pairs[i+1])
	}
	return m
}

var mainScript = versions.Script{Name: "s", Main: "src/main.ts"}

func compile(t *testing.T, files Files) Result {
	t.Helper()
	r, err := Compile(files, mainScript)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refused compiles what must not compile.
func refused(t *testing.T, files Files, script versions.Script) *versions.SourceError {
	t.Helper()
	r, err := Compile(files, script)
	var e *versions.SourceError
	if !errors.As(err, &e) {
		t.Fatalf("want a source error, got %v and %s", err, r.Bundle.Code)
	}
	return e
}

// load evaluates a bundle in a realm of the engine.
func load(t *testing.T, r Result) (vm.Report, *runtime.ScriptError) {
	t.Helper()
	p, err := vm.Compile(vm.Source{Script: "s", Main: mainScript.Main, Code: r.Bundle.Code, SourceMap: r.Bundle.SourceMap})
	if err != nil {
		t.Fatalf("the engine cannot parse it: %v\n%s", err, r.Bundle.Code)
	}
	return p.Try()
}

// says evaluates a bundle whose top level throws, and returns what it threw.
func says(t *testing.T, files Files) string {
	t.Helper()
	_, err := load(t, compile(t, files))
	if err == nil {
		t.Fatal("nothing was thrown")
	}
	return err.Message
}

const tiny = `import { DeviceEntrypoint, type Message } from "tendril";

export default class Thermostat extends DeviceEntrypoint {
  async onMessage(message: Message) {
    await this.env.DEVICE.send({ type: "fan", on: true });
  }
}
`

func TestTinyScriptIsSlim(t *testing.T) {
	t.Parallel()
	r := compile(t, sources("src/main.ts", tiny))
	code := string(r.Bundle.Code)
	want := `"use strict";
(()=>{var DeviceEntrypoint=class{constructor(env){this.env=env}};` +
		`var Thermostat=class extends DeviceEntrypoint{async onMessage(message){await this.env.DEVICE.send({type:"fan",on:true})}};` +
		"__tendril_export(Thermostat);})();\n"
	if code != want {
		t.Errorf("got %s\nwant %s", code, want)
	}
	report, err := load(t, r)
	if err != nil || !slices.Equal(report.Handlers, []string{"onMessage"}) {
		t.Errorf("loaded as %v, %v", report, err)
	}
	if r.Bundle.Compiler != Compiler || !slices.Equal(r.Bundle.Inputs, []string{"src/main.ts"}) {
		t.Errorf("compiler %q, inputs %q", r.Bundle.Compiler, r.Bundle.Inputs)
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, export string
	}{
		"default object":   {`export default { onMessage() {} }`, ""},
		"default function": {`export default class { onMessage() {} }`, ""},
		"named class":      {`export class Fan { onMessage() {} }`, "Fan"},
		"default by name":  {`export default { onMessage() {} }`, "default"},
		"renamed":          {`const f = { onMessage() {} }; export { f as fan }`, "fan"},
		"commonjs":         {`module.exports = { onMessage() {} }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Compile(sources("a.js", c.source), versions.Script{Name: "s", Main: "a.js", Export: c.export})
			if err != nil {
				t.Fatal(err)
			}
			if report, err := load(t, r); err != nil || !slices.Equal(report.Handlers, []string{"onMessage"}) {
				t.Errorf("loaded as %v, %v", report, err)
			}
			if n := bytes.Count(r.Bundle.Code, []byte("__tendril_export(")); n != 1 {
				t.Errorf("the export is handed over %d times", n)
			}
		})
	}
}

func TestSameFilesGiveSameBytes(t *testing.T) {
	t.Parallel()
	files := sources("src/main.ts", `import { a } from "./a"; import b from "./b.json"; import t from "./t.txt"; export default { a, b, t }`,
		"src/a.ts", `export * from "./c"; export const a = 1`, "src/c.ts", `export class C {}`, "src/b.json", `{"b":1}`, "src/t.txt", "text")
	first := compile(t, files)
	for range 20 {
		if next := compile(t, files); !bytes.Equal(first.Bundle.Code, next.Bundle.Code) || !bytes.Equal(first.Bundle.SourceMap, next.Bundle.SourceMap) {
			t.Fatalf("differs:\n%s\n%s", first.Bundle.Code, next.Bundle.Code)
		}
	}
}

func TestClosureIsExactlyWhatTheBundleReads(t *testing.T) {
	t.Parallel()
	files := sources(
		"src/main.ts", `import type { T } from "./types"; import { used } from "./used.js"; import p from "p"; export default { used, p } as T`,
		"src/used.ts", `import data from "./data.json"; export const used = data`,
		"src/data.json", `{"a": 1}`,
		"src/types.ts", `export interface T {}`,
		"src/unused.ts", `export const unused = 1`,
		"src/other.ts", `export default {}`,
		"package.json", `{"name": "project"}`,
		"tsconfig.json", `{"compilerOptions": {"paths": {"p": ["./src/unused.ts"]}}}`,
		"node_modules/p/package.json", `{"main": "lib/index.js"}`,
		"node_modules/p/lib/index.js", `module.exports = 1`,
		"node_modules/p/README.md", `p`,
	)
	want := []string{"node_modules/p/lib/index.js", "node_modules/p/package.json", "src/data.json", "src/main.ts", "src/used.ts"}
	r := compile(t, files)
	if !slices.Equal(r.Bundle.Inputs, want) {
		t.Errorf("got %q", r.Bundle.Inputs)
	}
	for _, f := range r.Files {
		if !bytes.Equal(f.Data, files[f.Path]) {
			t.Errorf("%s changed on the way", f.Path)
		}
	}
	again := compile(t, NewMemory(r.Files))
	if !bytes.Equal(again.Bundle.Code, r.Bundle.Code) || !slices.Equal(again.Bundle.Inputs, want) {
		t.Error("the closure alone gives another bundle")
	}
}

func TestChangingOneScriptLeavesTheOther(t *testing.T) {
	t.Parallel()
	files := sources("a.ts", `import { n } from "./shared"; export default { a: n }`, "b.ts", `import { n } from "./shared"; export default { b: n }`,
		"shared.ts", `export const n = 1`)
	digest := func(main string) string {
		script := versions.Script{Name: main[:1], Main: main}
		r, err := Compile(files, script)
		if err != nil {
			t.Fatal(err)
		}
		return versions.Digest(script, r.Files)
	}
	a, b := digest("a.ts"), digest("b.ts")
	files["a.ts"] = append(files["a.ts"], "// changed"...)
	if digest("a.ts") == a || digest("b.ts") != b {
		t.Error("a change of a.ts must change the digest of a alone")
	}
	files["shared.ts"] = []byte(`export const n = 2`)
	if digest("b.ts") == b {
		t.Error("a change of shared.ts must change the digest of b")
	}
}

func TestTsconfigHasNoInfluence(t *testing.T) {
	t.Parallel()
	plain := sources("src/main.ts", `class A { x; } export default A`)
	with := sources("src/main.ts", `class A { x; } export default A`, "tsconfig.json", `{"compilerOptions":{"useDefineForClassFields":false,"target":"ES5"}}`)
	if a, b := compile(t, plain), compile(t, with); !bytes.Equal(a.Bundle.Code, b.Bundle.Code) {
		t.Errorf("%s\n%s", a.Bundle.Code, b.Bundle.Code)
	}
}

func TestGapsOfTheEngineAreLowered(t *testing.T) {
	t.Parallel()
	r := compile(t, sources("src/main.ts", `
function logged(value, context) { return value }
class Res { [Symbol.dispose || Symbol.for("Symbol.dispose")]() {} }
async function* numbers() { yield 1; yield 2 }
export default class {
  @logged onMessage() { using r = new Res() }
  async onDeviceConnect() {
    for await (const n of numbers()) this.sum += n;
    const late = await import("./late");
    return late.value ?? /(?<year>\d{4})/.exec("2026")?.groups?.year;
  }
  #private = 1n;
  sum = 0;
  static { this.ready = true }
}`, "src/late.ts", `export const value = 7`))
	report, err := load(t, r)
	if err != nil || !slices.Equal(report.Handlers, []string{"onDeviceConnect", "onMessage"}) {
		t.Fatalf("loaded as %v, %v", report, err)
	}
	if !slices.Contains(r.Bundle.Inputs, "src/late.ts") {
		t.Error("a literal import() is not in the bundle")
	}
}

func TestSourceMapLeadsToTheProject(t *testing.T) {
	t.Parallel()
	text := "import { check } from \"./lib/check\";\n\nconst ünit = \"🙂\"; check(ünit);\nexport default {};\n"
	lib := "export function check(x: string) {\n\tconst inner = () => { throw new TypeError(x) };\n\tinner();\n}\n"
	r := compile(t, sources("src/main.ts", text, "src/lib/check.ts", lib))
	var m struct {
		Sources        []string `json:"sources"`
		SourcesContent []string `json:"sourcesContent"`
	}
	if err := json.Unmarshal(r.Bundle.SourceMap, &m); err != nil {
		t.Fatal(err)
	}
	for i, source := range m.Sources {
		switch source {
		case "src/main.ts":
			if m.SourcesContent[i] != text {
				t.Errorf("content of main.ts: %q", m.SourcesContent[i])
			}
		case "src/lib/check.ts":
			if m.SourcesContent[i] != lib {
				t.Errorf("content of check.ts: %q", m.SourcesContent[i])
			}
		case "tendril:entry":
		default:
			t.Errorf("a source named %q", source)
		}
	}
	_, err := load(t, r)
	if err == nil || err.File != "src/lib/check.ts" || err.Line != 2 || err.Column != 30 {
		t.Fatalf("got %+v", err)
	}
	for _, frame := range []string{"inner (src/lib/check.ts:2:30)", "check (src/lib/check.ts:3:2)", "src/main.ts:3:20"} {
		if !strings.Contains(err.Stack, frame) {
			t.Errorf("no %q in\n%s", frame, err.Stack)
		}
	}
}

func TestCompilerIsTheOneOfGoMod(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "github.com/evanw/esbuild v"+esbuildVersion+"\n") {
		t.Errorf("go.mod asks for another version than %s", Compiler)
	}
}
