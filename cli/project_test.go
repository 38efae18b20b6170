package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tendril-run/tendril/versions"
)

func TestProjectFileIsReadInItsOrder(t *testing.T) {
	t.Parallel()
	p, err := parseProject([]byte("\xef\xbb\xbf" + `{
  // a comment, and a comma behind the last field
  "$schema": "https://example.org/tendril.json",
  "project": "home",
  "scripts": {
    "zeta": { "main": "./src/z.ts", "export": "Zeta" },
    "alpha": { "main": "a.ts" },
  },
  "devices": { "porch": "zeta", "attic": "alpha" },
}`))
	if err != nil {
		t.Fatal(err)
	}
	want := project{
		Name: "home",
		Scripts: []versions.Script{
			{Name: "zeta", Main: "src/z.ts", Export: "Zeta"},
			{Name: "alpha", Main: "a.ts"},
		},
		Devices: []placement{{"porch", "zeta"}, {"attic", "alpha"}},
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
}

func TestWrongProjectFileIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text         string
		line, column int
		says         string
	}{
		"unknown field":        {"{\n  \"project\": \"p\",\n  \"scrpts\": {}\n}", 3, 3, `unknown field "scrpts"`},
		"unknown script field": {`{"project":"p","scripts":{"a":{"main":"a.ts","maim":"b"}}}`, 1, 46, `unknown field "maim"`},
		"field twice":          {`{"project":"p","project":"q"}`, 1, 16, "twice"},
		"no project":           {`{"scripts":{}}`, 1, 1, `missing field "project"`},
		"bad project":          {`{"project":"No"}`, 1, 2, "invalid project"},
		"number for text":      {`{"project":7}`, 1, 12, "must be a string"},
		"script without main":  {`{"project":"p","scripts":{"a":{}}}`, 1, 31, `missing field "main"`},
		"reserved script":      {`{"project":"p","scripts":{"list":{"main":"a.ts"}}}`, 1, 27, "word of the command line"},
		"main outside":         {`{"project":"p","scripts":{"a":{"main":"../a.ts"}}}`, 1, 39, "inside the project"},
		"absolute main":        {`{"project":"p","scripts":{"a":{"main":"/a.ts"}}}`, 1, 39, "inside the project"},
		"bad device":           {`{"project":"p","devices":{"a b":"s"}}`, 1, 27, "invalid device id"},
		"syntax":               {"{\n  \"project\" \"p\"\n}", 2, 13, ""},
		"no object":            {`[]`, 1, 1, "must be an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseProject([]byte(c.text))
			var source *versions.SourceError
			if !errors.As(err, &source) {
				t.Fatalf("error is %v", err)
			}
			if source.File != projectFile || source.Line != c.line || source.Column != c.column || !strings.Contains(source.Message, c.says) {
				t.Errorf("%s:%d:%d %q; want %d:%d and %q", source.File, source.Line, source.Column, source.Message, c.line, c.column, c.says)
			}
			frame := strings.Split(source.Frame, "\n")
			if len(frame) != 2 || strings.Index(frame[1], "^")-len("1 | ") != c.column-1 {
				t.Errorf("frame does not mark column %d:\n%s", c.column, source.Frame)
			}
		})
	}
}

func TestProjectIsFoundUpward(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	below := filepath.Join(root, "src", "deep")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, projectFile), []byte(`{"project":"home"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := findProject(below)
	if err != nil || p.Root != root || p.Name != "home" {
		t.Errorf("found %+v, %v", p, err)
	}
	if _, err := findProject(t.TempDir()); !errors.Is(err, errNoProject) {
		t.Errorf("a folder without project: %v", err)
	}
}
