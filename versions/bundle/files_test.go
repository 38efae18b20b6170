package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/versions"
)

// onDisk writes files into a folder of its own.
func onDisk(t *testing.T, files Memory) (string, *Folder) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "project")
	for name, data := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := OpenFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return root, folder
}

func TestDiskAndMemoryGiveTheSameVersion(t *testing.T) {
	t.Parallel()
	files := sources(
		"src/main.ts", `import { a } from "./a"; import p from "p/x"; import q from "q"; export default { a, p, q }`,
		"src/a/index.ts", `export const a = 1`,
		"src/unused.ts", ``,
		"package.json", `{"name":"project","devDependencies":{}}`,
		"node_modules/p/package.json", `{"exports":{"./*":"./lib/*.js"}}`,
		"node_modules/p/lib/x.js", `export default 1`,
		"node_modules/p/lib/package.json", `{"type":"module"}`,
		"node_modules/q/package.json", `{"main":"./no.js","browser":{"./index.js":"./b.js"}}`,
		"node_modules/q/index.js", ``, "node_modules/q/b.js", `module.exports = 2`,
		"node_modules/q/big.js", strings.Repeat("x", versions.MaxFile+1),
	)
	_, folder := onDisk(t, files)
	disk := compile(t, folder)
	for side, memory := range map[string]Memory{"its closure": NewMemory(disk.Files), "all files": files} {
		if side == "all files" {
			delete(memory, "node_modules/q/big.js")
		}
		r := compile(t, memory)
		if !bytes.Equal(r.Bundle.Code, disk.Bundle.Code) || !bytes.Equal(r.Bundle.SourceMap, disk.Bundle.SourceMap) {
			t.Errorf("another bundle from %s", side)
		}
		if a, b := versions.Digest(mainScript, r.Files), versions.Digest(mainScript, disk.Files); a != b {
			t.Errorf("digest %s from %s, %s from disk", a, side, b)
		}
	}
	want := []string{"node_modules/p/lib/package.json", "node_modules/p/lib/x.js", "node_modules/p/package.json",
		"node_modules/q/b.js", "node_modules/q/index.js", "node_modules/q/package.json", "src/a/index.ts", "src/main.ts"}
	if !slices.Equal(disk.Bundle.Inputs, want) {
		t.Errorf("inputs %q", disk.Bundle.Inputs)
	}
}

func TestSymbolicLinksStayInTheFolder(t *testing.T) {
	t.Parallel()
	root, folder := onDisk(t, sources(
		"src/main.ts", `import s from "./link"; import p from "p"; export default { s, p }`,
		"src/real.ts", `export default "real"`, "packages/p/index.js", `module.exports = "p"`, "node_modules/x.js", ``))
	link(t, "real.ts", filepath.Join(root, "src", "link.ts"))
	link(t, filepath.Join("..", "packages", "p"), filepath.Join(root, "node_modules", "p"))
	r := compile(t, folder)
	if want := []string{"node_modules/p/index.js", "src/link.ts", "src/main.ts"}; !slices.Equal(r.Bundle.Inputs, want) {
		t.Errorf("inputs %q", r.Bundle.Inputs)
	}
}

func TestSymbolicLinksOutOfTheFolderAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, from, to string }{
		"file":          {`import s from "./secret"`, "src/secret.ts", "../../secret.ts"},
		"absolute file": {`import s from "./secret"`, "src/secret.ts", "/etc/passwd"},
		"folder":        {`import s from "./lib/secret"`, "src/lib", "../../outside"},
		"package":       {`import s from "p"`, "node_modules/p", "../../outside"},
		"chain":         {`import s from "./b"`, "src/b.ts", "../src/a.ts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, folder := onDisk(t, sources("src/main.ts", c.source+`; export default { s }`, "node_modules/x.js", ``))
			outside := filepath.Dir(root)
			for _, file := range []string{"secret.ts", "outside/secret.ts", "outside/index.js"} {
				_ = os.MkdirAll(filepath.Join(outside, "outside"), 0o755)
				if err := os.WriteFile(filepath.Join(outside, file), []byte("export default 'SECRET'"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			link(t, c.to, filepath.Join(root, c.from))
			if name == "chain" {
				link(t, "../../secret.ts", filepath.Join(root, "src", "a.ts"))
			}
			e := refused(t, folder, mainScript)
			if want := c.from + " is a symbolic link that leads out of the project folder"; e.Message != want || e.Line != 1 {
				t.Errorf("got %#v, want %q", e, want)
			}
		})
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}

func TestLinkLoopIsNoFile(t *testing.T) {
	t.Parallel()
	root, folder := onDisk(t, sources("src/main.ts", `import s from "./a"; export default s`))
	link(t, "a.ts", filepath.Join(root, "src", "a.ts"))
	if e := refused(t, folder, mainScript); !strings.Contains(e.Message, "src/a.ts") {
		t.Error(e)
	}
}

func TestNamesAreSpelledAsOnDisk(t *testing.T) {
	t.Parallel()
	_, folder := onDisk(t, sources("src/main.ts", `import s from "./Lib"; export default s`, "src/lib.ts", `export default 1`))
	if e := refused(t, folder, mainScript); e.Message != `"./Lib" does not exist` {
		t.Error(e)
	}
}

func TestLargeFileOnDiskIsRefused(t *testing.T) {
	t.Parallel()
	_, folder := onDisk(t, sources("src/main.ts", `import s from "./big.txt"; export default s`, "src/big.txt", strings.Repeat("x", versions.MaxFile+1)))
	if e := refused(t, folder, mainScript); e.Message != "src/big.txt is larger than 1 MiB" || e.Line != 1 {
		t.Error(e)
	}
}
