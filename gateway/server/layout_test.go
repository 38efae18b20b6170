package server_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goFile is what the rules ask of a Go file. Paths are relative to the root of
// the repository, with slashes.
type goFile struct {
	path      string
	pkg       string
	imports   []string
	lines     int
	generated bool
	inits     int // functions named init
}

// room is the folder that the file belongs to.
func (f goFile) room() string { return path.Dir(f.path) }

// serves says whether the file is there for tests only: a test, or part of a
// package whose name ends in test.
func (f goFile) serves() bool {
	return strings.HasSuffix(f.path, "_test.go") || strings.HasSuffix(f.room(), "test")
}

// house reads all Go files of the repository.
func house(t *testing.T) []goFile {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []goFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && (base == "node_modules" || base == "testdata" || name != root && strings.HasPrefix(base, ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(base) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := readGo(name, filepath.ToSlash(rel))
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files, the walk is broken", len(files))
	}
	return files
}

func readGo(name, rel string) (goFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return goFile{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), rel, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return goFile{}, err
	}
	f := goFile{path: rel, pkg: tree.Name.Name, lines: bytes.Count(data, []byte("\n")), generated: ast.IsGenerated(tree)}
	for _, i := range tree.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return goFile{}, err
		}
		f.imports = append(f.imports, p)
	}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.inits++
		}
	}
	return f, nil
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		for _, i := range f.imports {
			if why := refuseRoom(f, i); why != "" {
				t.Errorf("%s imports %s: %s", f.path, i, why)
			}
		}
	}
}

func TestLibrariesStayAtHome(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		for _, i := range f.imports {
			if why := refuseLibrary(f, i); why != "" {
				t.Errorf("%s imports %s: %s", f.path, i, why)
			}
		}
	}
}

func TestPackagesAreNamedByWhatTheyHold(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		for _, name := range []string{f.pkg, path.Base(f.room())} {
			if slices.Contains(drawers, strings.TrimSuffix(name, "_test")) {
				t.Errorf("%s: %q is a drawer, no name: each noun has an owner", f.path, name)
			}
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		if f.inits > 0 && !f.serves() {
			t.Errorf("%s has an init function: rooms are introduced to each other in gateway/server", f.path)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	short, all := 0, 0
	for _, f := range house(t) {
		if f.generated {
			continue
		}
		all++
		if f.lines < usual {
			short++
		}
		if f.lines > longest {
			t.Errorf("%s has %d lines: a file is about one noun or one verb, and none is longer than %d", f.path, f.lines, longest)
		}
	}
	if 2*short < all {
		t.Errorf("%d of %d files are shorter than %d lines, want at least half", short, all, usual)
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	local := strings.Fields(string(ignored))
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(topLevel, name) ||
			slices.Contains(local, "/"+name) || slices.Contains(local, "/"+name+"/") {
			continue
		}
		t.Errorf("%s stands at the top level, where only %s may", name, strings.Join(topLevel, ", "))
	}
}

func TestReadmeLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	data, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(data), -1)
	if len(links) == 0 {
		t.Fatal("README.md has no links")
	}
	for _, l := range links {
		if strings.Contains(l[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(l[1]))); err != nil {
			t.Errorf("README.md links to %s, which is not there", l[1])
		}
	}
}

// go install refuses a module that has either.
func TestModuleHasNoExcludeAndNoReplace(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(data), "\n") {
		if f := strings.Fields(line); len(f) > 0 && (f[0] == "exclude" || f[0] == "replace") {
			t.Errorf("go.mod:%d: %s keeps others from go install", n+1, f[0])
		}
	}
}
