package pool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/versions"
)

func newCompiler(t testing.TB) *Compiler {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Compiler{Exe: exe}
}

var thermostat = versions.Script{Name: "thermostat", Main: "src/main.ts"}

const thermostatSource = `import { DeviceEntrypoint, type Message } from "tendril";
export default class Thermostat extends DeviceEntrypoint {
  async onMessage(message: Message) {
    const last = await this.env.DEVICE.kv.get<number>("last");
    await this.env.DEVICE.kv.put("last", message.celsius);
    if (message.celsius > 30) await this.env.DEVICE.send({ type: "fan", on: true });
    console.warn("too warm", { celsius: message.celsius, last });
  }
}
`

// oneFile is a project of one file.
func oneFile(source string) []versions.File {
	return []versions.File{{Path: "src/main.ts", Data: []byte(source)}}
}

// refusal compiles what must be refused.
func refusal(t *testing.T, c *Compiler, source string) *versions.SourceError {
	t.Helper()
	_, err := c.Compile(t.Context(), oneFile(source), thermostat)
	var e *versions.SourceError
	if !errors.As(err, &e) {
		t.Fatalf("want a source error, got %v", err)
	}
	if e.Script != "thermostat" || e.File != "src/main.ts" {
		t.Errorf("blames %q of %q", e.File, e.Script)
	}
	return e
}

func TestChildCompilesFromMemoryAndFromFolderAlike(t *testing.T) {
	t.Parallel()
	c := newCompiler(t)
	root := t.TempDir()
	files := append(oneFile(thermostatSource+`import { n } from "n"; console.log(n);`),
		versions.File{Path: "node_modules/n/package.json", Data: []byte(`{"exports":"./n.js"}`)},
		versions.File{Path: "node_modules/n/n.js", Data: []byte(`export const n = 1`)})
	for _, f := range append(slices.Clone(files), versions.File{Path: "src/unused.ts"}) {
		name := filepath.Join(root, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	local, closure, err := c.CompileDir(t.Context(), root, thermostat)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := c.Compile(t.Context(), closure, thermostat)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(local.Code, remote.Code) || !bytes.Equal(local.SourceMap, remote.SourceMap) || len(local.Code) == 0 {
		t.Errorf("two bundles:\n%s\n%s", local.Code, remote.Code)
	}
	if want := []string{"node_modules/n/n.js", "node_modules/n/package.json", "src/main.ts"}; !slices.Equal(remote.Inputs, want) {
		t.Errorf("inputs %q", remote.Inputs)
	}
	if versions.Digest(thermostat, closure) != versions.Digest(thermostat, files) {
		t.Error("the closure is not what was written")
	}
}

func TestChildReportsErrorsOfTheSource(t *testing.T) {
	t.Parallel()
	c := newCompiler(t)
	if e := refusal(t, c, "\nimport fs from \"node:fs\"; export default fs"); e.Line != 2 || e.Column != 16 || e.Frame == "" {
		t.Errorf("got %#v", e)
	}
	_, err := c.Compile(t.Context(), []versions.File{{Path: "src/main.ts"}, {Path: "SRC/main.ts"}}, thermostat)
	var e *versions.SourceError
	if !errors.As(err, &e) || e.File != "SRC/main.ts" || e.Script != "thermostat" {
		t.Errorf("names that differ by case: %v", err)
	}
}

// TestHostileSourcesEndTheChildOnly compiles what would end this process.
func TestHostileSourcesEndTheChildOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	c := newCompiler(t)
	const most = versions.MaxFile - 100
	repeat := func(unit string) string { return "export default {};" + strings.Repeat(unit, most/len(unit)) }
	for name, source := range map[string]string{
		"round":          repeat("("),
		"not":            repeat("!"),
		"if":             repeat("if(1)"),
		"else if":        repeat("if(1);else ") + ";",
		"members":        "export default {}; a" + strings.Repeat(".b", most/2),
		"calls":          "export default {}; a" + strings.Repeat("()", most/2),
		"conditionals":   "export default {}; a" + strings.Repeat("?b:c", most/4),
		"arrows":         "export default {};" + strings.Repeat("a=>", most/3) + "1",
		"assignments":    "export default {};" + strings.Repeat("a=", most/2) + "1",
		"powers":         "export default {}; a" + strings.Repeat("**a", most/3),
		"additions":      "export default {}; a" + strings.Repeat("+a", most/2),
		"type operators": "export default {}; type A = " + strings.Repeat("keyof ", most/6) + "B",
		"type arguments": "export default {}; type A = " + strings.Repeat("A<", most/2),
		"elements":       "export default {};" + strings.Repeat("<a>", most/3),
		"labels":         "export default {};" + strings.Repeat("a:", most/2) + ";",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			b, err := c.Compile(t.Context(), oneFile(source), thermostat)
			var e *versions.SourceError
			switch {
			case err == nil && len(b.Code) > 0:
			case errors.As(err, &e) && e.File == "src/main.ts" && e.Message != "":
			default:
				t.Errorf("got %v", err)
			}
			t.Logf("%v after %v", err, time.Since(start).Round(time.Millisecond))
		})
	}
}

func TestCompileEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newCompiler(t).Compile(ctx, oneFile(thermostatSource), thermostat); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTooManyCompilesAreRefused(t *testing.T) {
	t.Parallel()
	c := newCompiler(t)
	const calls = 3 * (maxCompiles + maxWaiting)
	var group sync.WaitGroup
	errs := make(chan error, calls)
	for range calls {
		group.Go(func() {
			_, err := c.Compile(t.Context(), oneFile(thermostatSource), thermostat)
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	var done, busy int
	for err := range errs {
		switch {
		case err == nil:
			done++
		case errors.Is(err, ErrBusy):
			busy++
		default:
			t.Error(err)
		}
	}
	if done < maxCompiles+maxWaiting || busy == 0 {
		t.Errorf("%d compiled, %d refused", done, busy)
	}
	if _, err := c.Compile(t.Context(), oneFile(thermostatSource), thermostat); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestMissingBinaryIsNoFaultOfTheSource(t *testing.T) {
	t.Parallel()
	_, err := (&Compiler{Exe: filepath.Join(t.TempDir(), "nothing")}).Compile(t.Context(), oneFile(thermostatSource), thermostat)
	var e *versions.SourceError
	if err == nil || errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkCompileSmall(b *testing.B) {
	c := newCompiler(b)
	files := oneFile(thermostatSource)
	for b.Loop() {
		if _, err := c.Compile(b.Context(), files, thermostat); err != nil {
			b.Fatal(err)
		}
	}
}
