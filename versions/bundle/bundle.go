// Package bundle makes one JavaScript file and a source map of a script's
// TypeScript and of what it imports. esbuild lives here.
//
// It knows no store, no engine and no network, and no disk either: it reads files
// from what it is handed. Its compiler is meant to run in a short-lived child
// process, because a hostile source can end the process that compiles it.
package bundle

import (
	"slices"
	"unicode"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tendril-run/tendril/versions"
)

// Compiler names the compiler and its version, as a version's row stores it.
const Compiler = "esbuild " + esbuildVersion

const esbuildVersion = "0.28.2"

// Result is what a compile made.
type Result struct {
	Bundle versions.Bundle
	Files  []versions.File // those the bundle was made of, sorted by path
}

// Compile makes the bundle of a script. Errors about the sources are
// *versions.SourceError.
//
// The code is one classic script in strict mode. Evaluating it ends with exactly
// one call of the global function __tendril_export, whose argument is the value
// that the script's main file exports under the script's export name. The same
// files give the same bytes.
//
// Compile may need much memory and time, and a source that is built for it ends
// the process.
func Compile(files Files, script versions.Script) (Result, error) {
	p := newProject(files, script)
	if err := p.checkScript(); err != nil {
		return Result{}, p.blame(err)
	}
	built := api.Build(options(p))
	if err := p.firstError(built.Errors); err != nil {
		return Result{}, err
	}
	var code, sourceMap []byte
	for _, out := range built.OutputFiles {
		switch out.Path {
		case outfile:
			code = out.Contents
		default:
			sourceMap = out.Contents
		}
	}
	m, err := parseMap(sourceMap)
	if err != nil {
		return Result{}, err
	}
	if err := p.firstError(p.fatalWarnings(built.Warnings, code, m)); err != nil {
		return Result{}, err
	}
	if len(code) > versions.MaxBundle {
		return Result{}, p.blame(refusalf("the script compiles to %d bytes; the limit is 4 MiB", len(code)))
	}
	code = p.patch(code, m)
	inputs := p.closure()
	result := Result{Files: inputs, Bundle: versions.Bundle{
		Code:      code,
		SourceMap: m.relative(p),
		Compiler:  Compiler,
	}}
	for _, f := range inputs {
		result.Bundle.Inputs = append(result.Bundle.Inputs, f.Path)
	}
	return result, nil
}

// checkScript refuses a main file or an export that cannot be one.
func (p *project) checkScript() error {
	main := p.script.Main
	if err := versions.CheckPath(main); err != nil {
		return refusalf("main %q: %v", main, err)
	}
	if !slices.Contains(scriptExtensions, extension(main)) {
		return refusalf("a script's main file is TypeScript or JavaScript, not %q", extension(main))
	}
	for i, r := range p.script.Export {
		if r != '_' && r != '$' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return refusalf("the export %q is not a name", p.script.Export)
		}
	}
	switch found, err := p.exists(main); {
	case err != nil:
		return err
	case !found:
		return refusalf("the script's main file does not exist")
	}
	return nil
}
