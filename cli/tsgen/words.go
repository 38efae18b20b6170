package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// source is what the text of a package says about its types and reflection
// cannot tell.
type source struct {
	name   string
	types  map[string]string            // doc comment by type
	fields map[string]map[string]string // doc comment by struct type and field
	values map[string][]string          // constants as Go literals, by type; "" holds the untyped strings
	groups map[string]string            // doc comment of the constants' group, by type
}

// parsePackage reads the package in a directory, tests left out.
func parsePackage(dir string) (*source, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go")) // sorted
	if err != nil {
		return nil, err
	}
	s := &source{
		types:  map[string]string{},
		fields: map[string]map[string]string{},
		values: map[string][]string{},
		groups: map[string]string{},
	}
	set := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		s.name = f.Name.Name
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				s.declare(g)
			}
		}
	}
	if s.name == "" {
		return nil, fmt.Errorf("no Go files in %s", dir)
	}
	return s, nil
}

// declare takes in one declaration.
func (s *source) declare(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.types[spec.Name.Name] = text(spec.Doc, g.Doc)
			if st, ok := spec.Type.(*ast.StructType); ok {
				s.fields[spec.Name.Name] = fieldDocs(st)
			}
		case *ast.ValueSpec:
			if g.Tok == token.CONST {
				s.constant(g, spec)
			}
		}
	}
}

// constant takes in a constant that is written as a literal.
func (s *source) constant(g *ast.GenDecl, spec *ast.ValueSpec) {
	kind := ""
	if id, ok := spec.Type.(*ast.Ident); ok {
		kind = id.Name
	}
	for _, v := range spec.Values {
		lit, ok := v.(*ast.BasicLit)
		if !ok || kind == "" && lit.Kind != token.STRING {
			continue
		}
		s.values[kind] = append(s.values[kind], lit.Value)
		s.groups[kind] = text(g.Doc)
	}
}

// fieldDocs returns the comments above, or else beside, the fields of a struct.
func fieldDocs(st *ast.StructType) map[string]string {
	docs := map[string]string{}
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			docs[name.Name] = text(f.Doc, f.Comment)
		}
	}
	return docs
}

// text returns the first comment that says something.
func text(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if t := strings.TrimSpace(g.Text()); t != "" {
			return t
		}
	}
	return ""
}
