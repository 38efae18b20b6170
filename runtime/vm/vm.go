// Package vm runs one event of one script in one fresh realm: new globals, new
// intrinsics, new module scope. The JavaScript engine lives here.
//
// It knows no process, no pipe, no budget and no device: it is handed an
// invocation and gives back segments, and whoever runs it measures its turns
// and interrupts them. Only bytes leave a realm, and nothing of Go is reflected
// into one.
package vm

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"github.com/tendril-run/tendril/runtime"
)

// bundleName is what the engine calls the bundle in stack frames. Frames are
// translated to the author's files before they leave the realm.
const bundleName = "bundle.js"

// exportHook is the global function that a bundle calls once with its
// entrypoint.
const exportHook = "__tendril_export"

// Source is the bundle of one version. Code is one classic strict script that
// calls __tendril_export(entrypoint) once; SourceMap is the map of it with
// sources relative to the project, or nil. Main is the path of the entry file,
// for errors that have no better position.
type Source struct {
	Version, Script, Main string
	Code, SourceMap       []byte
	Handlers              []string
}

// Program is the compiled code of one version. It is immutable and shared by
// all realms that run it, also at the same time.
type Program struct {
	source Source
	code   *goja.Program
	names  mentions

	mapOnce sync.Once
	mapping *sourceMap
}

// Compile prepares a bundle to be run. It evaluates nothing. Its errors are
// *runtime.ScriptError.
func Compile(src Source) (p *Program, err error) {
	p = &Program{source: src}
	defer func() {
		if x := recover(); x != nil {
			p, err = nil, p.misfit(fmt.Sprintf("the engine cannot compile this: %v", x), file.Position{})
		}
	}()
	text := string(src.Code)
	tree, err := parser.ParseFile(nil, bundleName, text, 0, parser.WithDisableSourceMaps)
	if err != nil {
		var list parser.ErrorList
		if errors.As(err, &list) && len(list) > 0 {
			return nil, p.misfit(list[0].Message, list[0].Position)
		}
		return nil, p.misfit(err.Error(), file.Position{})
	}
	p.code, err = goja.CompileAST(tree, true)
	if err != nil {
		var bad *goja.CompilerSyntaxError
		if errors.As(err, &bad) && bad.File != nil {
			return nil, p.misfit(bad.Message, bad.File.Position(bad.Offset))
		}
		return nil, p.misfit(err.Error(), file.Position{})
	}
	p.names = mentioned(text)
	return p, nil
}

func (p *Program) misfit(message string, at file.Position) *runtime.ScriptError {
	e := &runtime.ScriptError{Name: "SyntaxError", Message: message, File: p.source.Main}
	if place, ok := p.locate(at.Line, at.Column); ok {
		e.File, e.Line, e.Column = place.file, place.line, place.column
	}
	return e
}

// New prepares a fresh realm for one event. It evaluates nothing. The
// invocation belongs to the run from here on and is not changed by it.
func (p *Program) New(inv *runtime.Invocation) *Run {
	r := &Run{program: p, inv: inv, quota: inv.Quota, limits: inv.Limits}
	r.kv.base = inv.KV
	return r
}

// UseUTC makes Date speak UTC in all realms. The engine knows no other zone
// than the process's own: call it once, before the first event, in a process
// that only runs scripts.
func UseUTC() { time.Local = time.UTC }

// mentions says which names occur in a bundle, so that a realm is given only
// the globals that its script can call by name. A name put together at run time
// is not seen.
type mentions struct {
	globals []string
	console []string
}

func mentioned(code string) mentions {
	pick := func(names []string) []string {
		var found []string
		for _, name := range names {
			if strings.Contains(code, name) {
				found = append(found, name)
			}
		}
		return found
	}
	return mentions{globals: pick(globalNames), console: pick(consoleNames)}
}
