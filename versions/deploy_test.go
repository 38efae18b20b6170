package versions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// workshop stands in for the compiler child, the trial worker and the database,
// which live in rooms above this one. A script compiles to its main file and the
// files that this names, one a line after "import ".
type workshop struct {
	stored    []Version
	compiled  []string
	tried     []string
	inserts   int
	insertErr error
}

func (w *workshop) Compile(_ context.Context, files []File, script Script) (Bundle, error) {
	w.compiled = append(w.compiled, script.Name)
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == script.Main })
	text := string(files[i].Data)
	if strings.Contains(text, "syntax error") {
		return Bundle{}, &SourceError{File: script.Main, Line: 3, Column: 7, Message: "unexpected }"}
	}
	inputs := []string{script.Main}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "import "); ok {
			inputs = append(inputs, name)
		}
	}
	return Bundle{Code: []byte(text), Inputs: inputs, Compiler: "workshop 1"}, nil
}

func (w *workshop) Try(_ context.Context, script Script, bundle Bundle) (Report, error) {
	w.tried = append(w.tried, script.Name)
	if strings.Contains(string(bundle.Code), "throw") {
		return Report{}, &SourceError{Message: "Error: thrown at the top level"}
	}
	return Report{Handlers: []string{"onMessage"}}, nil
}

func (w *workshop) VersionByDigest(_ context.Context, project, script, digest string) (Version, error) {
	for _, v := range w.stored {
		if v.Project == project && v.Script.Name == script && v.Digest == digest {
			return v, nil
		}
	}
	return Version{}, ErrNotFound
}

func (w *workshop) Insert(ctx context.Context, project string, uploads []Upload) (stored []Version, created []bool, err error) {
	w.inserts++
	if w.insertErr != nil {
		return nil, nil, w.insertErr
	}
	for _, u := range uploads {
		v := Version{Number: 1, Project: project, Script: u.Script, Digest: u.Digest, Message: u.Message, Author: u.Author, Report: u.Report}
		for _, old := range w.stored {
			if old.Script.Name == u.Script.Name {
				v.Number = max(v.Number, old.Number+1)
			}
		}
		w.stored = append(w.stored, v)
		stored, created = append(stored, v), append(created, true)
	}
	return stored, created, nil
}

func (w *workshop) Deploy(context.Context, Request) ([]Deployment, []Placement, error) {
	return nil, nil, nil
}

func (w *workshop) deployer() Deployer {
	return Deployer{Compiler: w, Trial: w, Store: w, Known: w}
}

// sources makes an upload of files and of one script per "name=main".
func sources(files map[string]string, scripts ...string) Sources {
	s := Sources{Project: "p", Message: "m", Author: "a"}
	for path, text := range files {
		s.Files = append(s.Files, File{Path: path, Data: []byte(text)})
	}
	slices.SortFunc(s.Files, func(a, b File) int { return cmp.Compare(b.Path, a.Path) })
	for _, script := range scripts {
		name, main, _ := strings.Cut(script, "=")
		s.Scripts = append(s.Scripts, Script{Name: name, Main: main})
	}
	return s
}

func TestMakeStoresEveryScriptSortedByName(t *testing.T) {
	t.Parallel()
	w := &workshop{}
	made, created, err := w.deployer().Make(t.Context(), sources(map[string]string{
		"b.ts": "b", "a.ts": "a\nimport lib.ts", "lib.ts": "lib",
	}, "zeta=b.ts", "alpha=a.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 2 || made[0].Script.Name != "alpha" || made[1].Script.Name != "zeta" || !created[0] || !created[1] {
		t.Fatalf("made %+v, created %v", made, created)
	}
	want := Digest(Script{Name: "alpha", Main: "a.ts"}, []File{
		{Path: "a.ts", Data: []byte("a\nimport lib.ts")}, {Path: "lib.ts", Data: []byte("lib")},
	})
	if made[0].Digest != want {
		t.Error("the digest is not that of the bundle's own files")
	}
	if made[0].Message != "m" || made[0].Author != "a" || !made[0].Handles("onMessage") {
		t.Errorf("stored %+v", made[0])
	}
}

func TestChangingOneScriptMakesNoVersionOfAnother(t *testing.T) {
	t.Parallel()
	w := &workshop{}
	d := w.deployer()
	files := map[string]string{"a.ts": "a", "b.ts": "b"}
	if _, _, err := d.Make(t.Context(), sources(files, "a=a.ts", "b=b.ts")); err != nil {
		t.Fatal(err)
	}
	w.tried = nil
	files["a.ts"] = "a changed"
	made, created, err := d.Make(t.Context(), sources(files, "a=a.ts", "b=b.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if made[0].Number != 2 || !created[0] || made[1].Number != 1 || created[1] {
		t.Errorf("a v%d created %v, b v%d created %v", made[0].Number, created[0], made[1].Number, created[1])
	}
	if !slices.Equal(w.tried, []string{"a"}) {
		t.Errorf("tried %v: what is stored needs no trial", w.tried)
	}
}

func TestSameContentAgainStoresNothing(t *testing.T) {
	t.Parallel()
	w := &workshop{}
	d := w.deployer()
	s := sources(map[string]string{"a.ts": "a"}, "a=a.ts")
	for range 2 {
		if _, _, err := d.Make(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if w.inserts != 1 || len(w.stored) != 1 {
		t.Errorf("%d inserts, %d versions", w.inserts, len(w.stored))
	}
}

func TestOneBadScriptStoresNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"does not compile": {"syntax error", 3},
		"throws on load":   {"throw", 0},
	} {
		w := &workshop{}
		_, _, err := w.deployer().Make(t.Context(), sources(map[string]string{"a.ts": "a", "b.ts": c.text}, "a=a.ts", "b=b.ts"))
		var source *SourceError
		if !errors.As(err, &source) {
			t.Fatalf("%s: error %v", name, err)
		}
		if source.Script != "b" || source.File != "b.ts" || source.Line != c.line {
			t.Errorf("%s: blames %+v", name, source)
		}
		if w.inserts != 0 {
			t.Errorf("%s: stored something", name)
		}
	}
}

func TestNothingIsTriedBeforeAllCompile(t *testing.T) {
	t.Parallel()
	w := &workshop{}
	_, _, err := w.deployer().Make(t.Context(), sources(map[string]string{"a.ts": "a", "b.ts": "syntax error"}, "a=a.ts", "b=b.ts"))
	if err == nil || len(w.tried) != 0 {
		t.Errorf("error %v, tried %v", err, w.tried)
	}
}

func TestUnexpectedDigestStopsTheUpload(t *testing.T) {
	t.Parallel()
	w := &workshop{}
	s := sources(map[string]string{"a.ts": "a"}, "a=a.ts")
	s.Digests = map[string]string{"a": "0000"}
	_, _, err := w.deployer().Make(t.Context(), s)
	var digest *DigestError
	if !errors.As(err, &digest) || digest.Script != "a" || w.inserts != 0 {
		t.Fatalf("error %v", err)
	}
	s.Digests["a"] = digest.Got
	if _, _, err := w.deployer().Make(t.Context(), s); err != nil {
		t.Errorf("with the digest told: %v", err)
	}
}

func TestStoreFailureIsNoFaultOfTheSources(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	w := &workshop{insertErr: full}
	_, _, err := w.deployer().Make(t.Context(), sources(map[string]string{"a.ts": "a"}, "a=a.ts"))
	var source *SourceError
	if !errors.Is(err, full) || errors.As(err, &source) {
		t.Errorf("error %v", err)
	}
}

func TestUploadsThatCannotBeOneAreRefused(t *testing.T) {
	t.Parallel()
	file := map[string]string{"a.ts": "a"}
	many := make([]string, MaxScripts+1)
	for i := range many {
		many[i] = fmt.Sprintf("s%d=a.ts", i)
	}
	unknownDigest := sources(file, "a=a.ts")
	unknownDigest.Digests = map[string]string{"b": "00"}
	for name, s := range map[string]Sources{
		"no script":      sources(file),
		"bad name":       sources(file, "A=a.ts"),
		"reserved name":  sources(file, "list=a.ts"),
		"twice":          sources(file, "a=a.ts", "a=a.ts"),
		"too many":       sources(file, many...),
		"foreign digest": unknownDigest,
		"too many files": {Files: make([]File, MaxUploadFiles+1)},
		"too many bytes": {Files: bigFiles(33)},
	} {
		w := &workshop{}
		if _, _, err := w.deployer().Make(t.Context(), s); !errors.Is(err, ErrUpload) {
			t.Errorf("%s: error %v", name, err)
		}
		if len(w.compiled) != 0 {
			t.Errorf("%s: compiled", name)
		}
	}
	for name, s := range map[string]Sources{
		"missing main":    sources(file, "a=b.ts"),
		"outside":         sources(map[string]string{"../a.ts": ""}, "a=../a.ts"),
		"not UTF-8":       sources(map[string]string{"a.ts": "\xff"}, "a=a.ts"),
		"file too big":    sources(map[string]string{"a.ts": strings.Repeat("x", MaxFile+1)}, "a=a.ts"),
		"closure too big": closureOf(9),
	} {
		var source *SourceError
		if _, _, err := (&workshop{}).deployer().Make(t.Context(), s); !errors.As(err, &source) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func bigFiles(n int) []File {
	data := []byte(strings.Repeat("x", MaxFile))
	files := make([]File, n)
	for i := range files {
		files[i] = File{Path: fmt.Sprintf("big%d.ts", i), Data: data}
	}
	return files
}

// closureOf is an upload whose one script is made of n files of 1 MiB.
func closureOf(n int) Sources {
	s := Sources{Files: bigFiles(n), Scripts: []Script{{Name: "a", Main: "a.ts"}}}
	var text strings.Builder
	for _, f := range s.Files {
		text.WriteString("import " + f.Path + "\n")
	}
	s.Files = append(s.Files, File{Path: "a.ts", Data: []byte(text.String())})
	return s
}
