package bundle

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/tendril-run/tendril/versions"
)

// firstError makes the first of esbuild's messages an error with a place in the
// sources; nil if there is none.
func (p *project) firstError(messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	first := messages[0]
	e := &versions.SourceError{Script: p.script.Name, File: p.script.Main, More: distinct(messages) - 1}
	var at *placed
	if cause, ok := first.Detail.(error); ok && errors.As(cause, &at) {
		e.File, e.Message = at.file, at.text
		e.Line, e.Column, e.Frame = locate(p.cache[at.file], at.offset)
		return e
	}
	e.Message = p.clear(first)
	if l := first.Location; isSource(l) {
		e.File = strings.TrimPrefix(l.File, projectSpace+":")
		e.Line, e.Column, e.Frame = locate(p.cache[e.File], lineStart(p.cache[e.File], l.Line)+l.Column)
	}
	return e
}

// distinct counts messages that differ in place or text.
func distinct(messages []api.Message) int {
	type key struct {
		file         string
		line, column int
		text         string
	}
	seen := map[key]bool{}
	for _, m := range messages {
		k := key{text: m.Text}
		if l := m.Location; l != nil {
			k.file, k.line, k.column = l.File, l.Line, l.Column
		}
		seen[k] = true
	}
	return len(seen)
}

// isSource says whether a message is about a file of the project.
func isSource(l *api.Location) bool {
	return l != nil && strings.HasPrefix(l.File, projectSpace+":")
}

// blame makes an error about a script's sources one that names its main file.
func (p *project) blame(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	return &versions.SourceError{Script: p.script.Name, File: p.script.Main, Message: r.text}
}

// fatalWarnings picks the warnings that are errors: all in the project's own
// sources; in packages only calls that need to know at run time what to load, if
// they are part of the bundle. What else packages do wrong throws where it is
// done; see patch.
func (p *project) fatalWarnings(warnings []api.Message, code []byte, m *sourceMap) []api.Message {
	var picked []api.Message
	var lines map[sourceLine]bool
	for _, w := range warnings {
		if !slices.Contains(fatal, w.ID) || !isSource(w.Location) {
			continue
		}
		if inPackage(strings.TrimPrefix(w.Location.File, projectSpace+":")) {
			if !strings.HasPrefix(w.ID, "unsupported-") || w.ID == "unsupported-regexp" {
				continue
			}
			if lines == nil {
				lines = m.lines(code)
			}
			if !lines[sourceLine{w.Location.File, w.Location.Line - 1}] {
				continue
			}
		}
		picked = append(picked, w)
	}
	return picked
}

// clear says what a message of esbuild means here.
func (p *project) clear(m api.Message) string {
	text := strings.ReplaceAll(m.Text, `"`+projectSpace+":", `"`)
	switch {
	case m.ID == "unsupported-dynamic-import", m.ID == "unsupported-require-call", m.ID == "empty-glob", isGlob(text):
		return pattern
	case m.ID == "indirect-require":
		return "require can only be called, with a string literal: what it loads has to be known when the script is compiled"
	case m.ID == "empty-import-meta":
		return "the engine has no import.meta"
	case strings.HasPrefix(text, "Could not resolve "):
		return unresolved(strings.TrimPrefix(text, "Could not resolve "))
	case strings.HasPrefix(text, "No matching export in ") && !isSource(m.Location):
		if p.script.Export == "" {
			return "the file has no default export: the script's class or object is exported with export default, or named by \"export\" in the project file"
		}
		return "the file has no export " + strconv.Quote(p.script.Export)
	}
	if what, _, cut := strings.Cut(text, " in the configured target environment"); cut {
		text = what + " in the engine"
	}
	return lower(text)
}

func unresolved(quoted string) string {
	spec, err := strconv.Unquote(quoted)
	switch {
	case err != nil:
		return "could not resolve " + quoted
	case isNode(spec):
		return noNode(spec)
	case isRelative(spec):
		return quoted + " does not exist"
	}
	return "there is no package " + quoted + " in node_modules"
}

// lower makes the first letter small unless the word is not.
func lower(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	second, _ := utf8.DecodeRuneInString(text[size:])
	if unicode.IsUpper(first) && unicode.IsLower(second) {
		return string(unicode.ToLower(first)) + text[size:]
	}
	return text
}
