package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// writer collects the declarations. The first thing that cannot be said in
// TypeScript is its err.
type writer struct {
	strings.Builder
	sources []*source
	err     error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// source returns the text of a package by its name.
func (w *writer) source(name string) *source {
	for _, s := range w.sources {
		if s.name == name {
			return s
		}
	}
	w.fail("package %s was not read", name)
	return &source{}
}

// doc writes a doc comment with an example.
func (w *writer) doc(indent, text, example string) {
	w.WriteString(map[bool]string{true: "\n"}[indent == ""])
	if text == "" {
		return
	}
	if example != "" {
		text += "\n\n@example\n```ts\n" + example + "\n```"
	}
	lines := strings.Split(text, "\n")
	if len(lines) == 1 {
		fmt.Fprintf(w, "%s/** %s */\n", indent, text)
		return
	}
	fmt.Fprintf(w, "%s/**\n", indent)
	for _, line := range lines {
		fmt.Fprintf(w, "%s\n", strings.TrimRight(indent+" * "+line, " "))
	}
	fmt.Fprintf(w, "%s */\n", indent)
}

// union writes a named Go type with its constants as a union of literals. With
// no Go type it takes the package's untyped strings and their common comment.
func (w *writer) union(name, pkg, goType string) {
	s := w.source(pkg)
	values, doc := s.values[goType], rename(s.types[goType], goType, name)
	if goType == "" {
		doc = s.groups[""]
	}
	if len(values) == 0 || doc == "" {
		w.fail("%s.%s has no constants or no comment", pkg, goType)
		return
	}
	w.doc("", doc, fmt.Sprintf("const value: %s = %s;", name, values[0]))
	line := fmt.Sprintf("export type %s = %s;", name, strings.Join(values, " | "))
	if len(line) > 100 {
		line = fmt.Sprintf("export type %s =\n  | %s;", name, strings.Join(values, "\n  | "))
	}
	w.WriteString(line + "\n")
}

// frame writes a struct as the interface of a frame and returns its name.
func (w *writer) frame(kind string, fields any) string {
	name := typeName(fields)
	sample, err := json.Marshal(fields)
	if err != nil {
		w.fail("%s: %w", kind, err)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(string(sample), "{"), "}")
	if inner != "" {
		inner = "," + inner
	}
	w.nested(reflect.TypeOf(fields))
	w.object(reflect.TypeOf(fields), fmt.Sprintf("  readonly type: %q;\n", kind),
		fmt.Sprintf("const frame: %s = {\"type\":%q%s};", name, kind, inner))
	return name
}

// nested writes the structs of the nouns that a struct's fields name.
func (w *writer) nested(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i).Type
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if f.Kind() == reflect.Struct {
			w.object(f, "", "")
		}
	}
}

// object writes a struct with JSON tags as an interface.
func (w *writer) object(t reflect.Type, first, example string) {
	s := w.source(t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:])
	if s.types[t.Name()] == "" {
		w.fail("%s has no comment", t.Name())
	}
	if example == "" {
		example = fmt.Sprintf("function show(value: %s): string {\n  return JSON.stringify(value);\n}", t.Name())
	}
	w.doc("", s.types[t.Name()], example)
	fmt.Fprintf(w, "export interface %s {\n%s", t.Name(), first)
	for i := range t.NumField() {
		f := t.Field(i)
		key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		optional := map[bool]string{true: "?"}[rest == "omitempty"]
		w.doc("  ", rename(s.fields[t.Name()][f.Name], f.Name, key), "")
		fmt.Fprintf(w, "  readonly %s%s: %s;\n", key, optional, w.typeOf(f.Type))
	}
	w.WriteString("}\n")
}

// defaults writes a struct of limits, telling each default.
func (w *writer) defaults(name string, limits any) {
	v := reflect.ValueOf(limits)
	t := v.Type()
	s := w.source("runtime")
	about, _, _ := strings.Cut(rename(s.types[t.Name()], t.Name(), name), ". ")
	w.doc("", about+".", fmt.Sprintf("function budget(limits: %s): number {\n  return limits.cpu;\n}", name))
	fmt.Fprintf(w, "export interface %s {\n", name)
	for i := range t.NumField() {
		f := t.Field(i)
		value, unit := v.Field(i).Interface(), ""
		if d, ok := value.(time.Duration); ok {
			value, unit = d.Milliseconds(), " milliseconds"
		}
		about := s.fields[t.Name()][f.Name]
		if about != "" {
			about = strings.ToUpper(about[:1]) + about[1:] + ". "
		}
		w.doc("  ", fmt.Sprintf("%sDefault: %v%s.", about, value, unit), "")
		fmt.Fprintf(w, "  readonly %s: number;\n", lowerCamel(f.Name))
	}
	w.WriteString("}\n")
}

// typeOf says a Go type in TypeScript.
func (w *writer) typeOf(t reflect.Type) string {
	if t == reflect.TypeFor[json.RawMessage]() {
		return "{ readonly [field: string]: unknown }"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.typeOf(t.Elem())
	case reflect.Slice:
		return "readonly " + w.typeOf(t.Elem()) + "[]"
	case reflect.Struct:
		return t.Name()
	case reflect.Bool:
		return "boolean"
	}
	switch {
	case t.Name() == "Status":
		return "AckStatus"
	case t.PkgPath() != "":
		return t.Name()
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		return "number"
	}
	w.fail("%s cannot be said in TypeScript", t)
	return "never"
}

// typeName is the name of a value's type, which is the interface's name too.
func typeName(v any) string { return reflect.TypeOf(v).Name() }

// rename puts the name that TypeScript uses at the start of a Go comment.
func rename(doc, from, to string) string {
	if rest, ok := strings.CutPrefix(doc, from+" "); ok && from != "" {
		return to + " " + rest
	}
	return doc
}

// lowerCamel turns CPU into cpu, KVKey into kvKey and LogLines into logLines.
func lowerCamel(name string) string {
	r := []rune(name)
	for i := range r {
		if i > 0 && i+1 < len(r) && unicode.IsLower(r[i+1]) || !unicode.IsUpper(r[i]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}
