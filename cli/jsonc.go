package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
	"github.com/tendril-run/tendril/versions"
)

// reader walks a project file and keeps the first thing that is wrong with it,
// with its place.
type reader struct {
	data []byte
	err  error
}

// member is a field of an object.
type member struct {
	name  string
	start int // offset of the name
	value hujson.Value
}

// object calls f for every field of an object, in order.
func (r *reader) object(v hujson.Value, what string, f func(member)) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		r.fail(v.StartOffset, what+" must be an object")
		return
	}
	seen := map[string]bool{}
	for _, m := range o.Members {
		name, _ := m.Name.Value.(hujson.Literal)
		field := member{name: name.String(), start: m.Name.StartOffset, value: m.Value}
		if seen[field.name] {
			r.fail(field.start, fmt.Sprintf("field %q stands twice", field.name))
		}
		seen[field.name] = true
		f(field)
	}
}

// text is the value of a field that must be a string.
func (r *reader) text(m member) string {
	l, ok := m.value.Value.(hujson.Literal)
	if !ok || l.Kind() != '"' {
		r.fail(m.value.StartOffset, fmt.Sprintf("%q must be a string", m.name))
		return ""
	}
	return l.String()
}

func (r *reader) check(m member, err error) {
	if err != nil {
		r.fail(m.start, err.Error())
	}
}

func (r *reader) unknown(m member, known string) {
	r.fail(m.start, fmt.Sprintf("unknown field %q; known: %s", m.name, known))
}

func (r *reader) fail(offset int, message string) {
	if r.err != nil {
		return
	}
	line := 1 + bytes.Count(r.data[:offset], []byte("\n"))
	column := offset - bytes.LastIndexByte(r.data[:offset], '\n')
	r.err = r.at(line, column, message)
}

func (r *reader) at(line, column int, message string) error {
	e := &versions.SourceError{File: projectFile, Line: line, Column: column, Message: message}
	if lines := strings.Split(string(r.data), "\n"); line <= len(lines) {
		text := strings.TrimRight(lines[line-1], "\r")
		e.Frame = fmt.Sprintf("%d | %s\n%s | %s^", line, text,
			strings.Repeat(" ", len(strconv.Itoa(line))), strings.Repeat(" ", max(column-1, 0)))
	}
	return e
}

// syntax gives the parser's error its place, which the parser only tells in
// words.
func (r *reader) syntax(err error) error {
	m := regexp.MustCompile(`^hujson: line (\d+), column (\d+): (.*)$`).FindStringSubmatch(err.Error())
	if m == nil {
		return &versions.SourceError{File: projectFile, Message: err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	return r.at(line, column, m[3])
}
