package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tendril-run/tendril/versions"
)

// Extensions of files that can be imported, in the order in which an import
// without one is completed; packages ship JavaScript beside its sources.
var (
	ownExtensions     = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx", ".json"}
	packageExtensions = []string{".js", ".mjs", ".cjs", ".jsx", ".json", ".ts", ".tsx", ".mts", ".cts"}
	scriptExtensions  = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx"}
)

// refusal is an error about the sources: what it says is for their author.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refusalf(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...)}
}

// project is one compile: the files it may read and those it has read.
type project struct {
	script versions.Script

	mu       sync.Mutex // esbuild resolves and loads on many goroutines
	files    Files
	cache    map[string][]byte // content by path, nil for what does not exist
	manifest map[string]*manifest
	starts   map[string][]int // offsets of the lines of a file
	inputs   map[string]bool  // files that the bundle is made of
	size     int              // bytes of inputs
}

func newProject(files Files, script versions.Script) *project {
	return &project{
		script:   script,
		files:    files,
		cache:    map[string][]byte{},
		manifest: map[string]*manifest{},
		starts:   map[string][]int{},
		inputs:   map[string]bool{},
	}
}

// read returns a file's content, nil if there is none.
func (p *project) read(name string) ([]byte, error) {
	if data, known := p.cache[name]; known {
		return data, nil
	}
	if versions.CheckPath(name) != nil {
		return nil, nil
	}
	data, err := p.files.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		data = nil
	case err != nil:
		return nil, &refusal{err.Error()}
	case len(data) > versions.MaxFile:
		return nil, refusalf("%s is larger than 1 MiB", name)
	case data == nil:
		data = []byte{}
	}
	p.cache[name] = data
	return data, nil
}

// exists says whether there is a file of this path.
func (p *project) exists(name string) (bool, error) {
	data, err := p.read(name)
	return data != nil, err
}

// use makes a file that was read part of the closure.
func (p *project) use(name string) error {
	if p.inputs[name] {
		return nil
	}
	p.inputs[name] = true
	p.size += len(p.cache[name])
	switch {
	case len(p.inputs) > versions.MaxFiles:
		return refusalf("the script needs more than %d files", versions.MaxFiles)
	case p.size > versions.MaxSource:
		return refusalf("the script needs more than 8 MiB of files")
	}
	return nil
}

// closure returns the files that the bundle was made of, sorted by path.
func (p *project) closure() []versions.File {
	files := make([]versions.File, 0, len(p.inputs))
	for name := range p.inputs {
		files = append(files, versions.File{Path: name, Data: p.cache[name]})
	}
	slices.SortFunc(files, func(a, b versions.File) int { return strings.Compare(a.Path, b.Path) })
	return files
}

// source reads a file for the compiler, judges it and makes it part of the
// closure.
func (p *project) source(name string) (text string, loader api.Loader, err error) {
	data, err := p.read(name)
	if err != nil {
		return "", 0, err
	}
	if data == nil {
		return "", 0, refusalf("%s does not exist", name)
	}
	if err := p.use(name); err != nil {
		return "", 0, err
	}
	if !utf8.Valid(data) {
		return "", 0, refusalf("%s is not UTF-8 text", name)
	}
	switch extension(name) {
	case ".ts", ".mts", ".cts":
		loader = api.LoaderTS
	case ".tsx":
		loader = api.LoaderTSX
	case ".js", ".mjs", ".cjs":
		loader = api.LoaderJS
	case ".jsx":
		loader = api.LoaderJSX
	case ".json":
		loader = api.LoaderJSON
	case ".txt":
		return string(data), api.LoaderText, nil
	default:
		return "", 0, refusalf("%s cannot be imported: a script is made of TypeScript, JavaScript, JSON and .txt files", name)
	}
	if at := tooDeep(data); at >= 0 {
		return "", 0, &placed{file: name, offset: at, text: fmt.Sprintf("nested more than %d levels deep", maxNesting)}
	}
	return disarm(string(data)), loader, nil
}

// placed is an error at a byte of a file.
type placed struct {
	file   string
	offset int
	text   string
}

func (e *placed) Error() string { return e.text }

// disarm keeps esbuild from following a comment to a source map that lies in the
// comment itself or on disk. The escape means the same letter where the text
// stands in a string.
func disarm(text string) string {
	const mark = "sourceMappingURL="
	if !strings.Contains(text, mark) {
		return text
	}
	for _, start := range []string{"//# ", "//@ ", "/*# ", "/*@ "} {
		text = strings.ReplaceAll(text, start+mark, start+`\u0073`+mark[1:])
	}
	return text
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

// inPackage says whether a file or folder belongs to a package.
func inPackage(name string) bool {
	return strings.HasPrefix(name, "node_modules/") || strings.Contains(name, "/node_modules/")
}
