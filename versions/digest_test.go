package versions

import (
	"strings"
	"testing"
)

func TestDigestIgnoresOrderAndNameOnly(t *testing.T) {
	t.Parallel()
	script := Script{Name: "a", Main: "x.ts"}
	files := []File{{"x.ts", []byte("1")}, {"y.ts", []byte("2")}}
	base := Digest(script, files)
	if got := Digest(Script{Name: "b", Main: "x.ts"}, []File{files[1], files[0]}); got != base {
		t.Errorf("digest depends on order or on the script's name: %s, %s", got, base)
	}
	if files[0].Path != "x.ts" {
		t.Error("digest reordered its caller's files")
	}
	others := map[string]string{
		"main":     Digest(Script{Main: "y.ts"}, files),
		"export":   Digest(Script{Main: "x.ts", Export: "E"}, files),
		"content":  Digest(script, []File{{"x.ts", []byte("1")}, {"y.ts", []byte("3")}}),
		"path":     Digest(script, []File{{"x.ts", []byte("1")}, {"z.ts", []byte("2")}}),
		"missing":  Digest(script, files[:1]),
		"boundary": Digest(script, []File{{"x.ts", []byte("1y.ts2")}}),
		"shifted":  Digest(Script{Main: "x.t", Export: "s"}, files),
	}
	seen := map[string]string{base: "base"}
	for name, d := range others {
		if len(d) != 64 || strings.ToLower(d) != d {
			t.Errorf("%s: %q is no lower-case SHA-256", name, d)
		}
		if twin, taken := seen[d]; taken {
			t.Errorf("%s and %s share a digest", name, twin)
		}
		seen[d] = name
	}
}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a.ts", "src/a.ts", "node_modules/@x/y/z.js", "..a/b", "a b/ü.ts", "...", strings.Repeat("a", 512)} {
		if err := CheckPath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "/a", "a/", "a//b", "./a", "a/./b", "..", "../a", "a/../b", "a\x00b", "a\nb", `a\b`, "a\xffb", strings.Repeat("a", 513),
	} {
		if CheckPath(bad) == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestCheckFilesRefusesWhatOneFolderCannotHold(t *testing.T) {
	t.Parallel()
	file := func(p string) File { return File{Path: p} }
	if err := CheckFiles([]File{file("src/a.ts"), file("src/b.ts"), file("src/a"), file("Src2/a.ts")}); err != nil {
		t.Error(err)
	}
	for want, files := range map[string][]File{
		"twice":           {file("a.ts"), file("a.ts")},
		"by case alone":   {file("src/A.ts"), file("src/a.ts")},
		"larger than":     {{"a.ts", make([]byte, MaxFile+1)}},
		"the part":        {file("../a.ts")},
		"cannot be a fol": {file("src/a"), file("src/a/b/c.ts")},
	} {
		if err := CheckFiles(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
