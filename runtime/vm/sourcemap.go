package vm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// place is a position in the author's files. Line and column count from 1; an
// empty file is native code.
type place struct {
	function     string
	file         string
	line, column int
}

// sourceMap translates positions of a bundle. It is decoded when the first
// error asks for it.
type sourceMap struct {
	sources []string
	lines   [][]segment // by line of the bundle, ascending column
}

type segment struct{ column, source, line, original int32 }

// virtual marks sources that are no files of the author.
const virtual = "tendril:"

// locate translates a position of the bundle.
func (p *Program) locate(line, column int) (place, bool) {
	p.mapOnce.Do(func() { p.mapping = decodeMap(p.source.SourceMap) })
	m := p.mapping
	if m == nil || line < 1 || line > len(m.lines) {
		return place{}, false
	}
	row := m.lines[line-1]
	i, found := slices.BinarySearchFunc(row, int32(column-1), func(s segment, c int32) int { return int(s.column - c) })
	if !found {
		i--
	}
	if i < 0 || row[i].source < 0 || int(row[i].source) >= len(m.sources) {
		return place{}, false
	}
	s := row[i]
	return place{file: m.sources[s.source], line: int(s.line) + 1, column: int(s.original) + 1}, true
}

// trace translates stack frames. Frames of the bundle's own scaffolding and of
// virtual modules are left out.
func (p *Program) trace(frames []goja.StackFrame) []place {
	const most = 50
	var places []place
	for i := range frames {
		if len(places) == most {
			break
		}
		f := &frames[i]
		function := f.FuncName()
		if f.SrcName() != bundleName {
			places = append(places, place{function: function})
			continue
		}
		at := f.Position()
		to, ok := p.locate(at.Line, at.Column)
		switch {
		case p.mapping == nil:
			to = place{file: bundleName, line: at.Line, column: at.Column}
		case !ok || strings.HasPrefix(to.file, virtual):
			continue
		}
		to.function = function
		places = append(places, to)
	}
	return places
}

func stackText(places []place) string {
	var b strings.Builder
	for _, at := range places {
		where := "native"
		if at.file != "" {
			where = fmt.Sprintf("%s:%d:%d", at.file, at.line, at.column)
		}
		switch at.function {
		case "", "<anonymous>", "<native>":
			b.WriteString("\n    at " + where)
		default:
			b.WriteString("\n    at " + at.function + " (" + where + ")")
		}
	}
	return b.String()
}

// find translates the position of the first occurrence of a text in the bundle.
func (p *Program) find(text string) (place, bool) {
	code := string(p.source.Code)
	offset := strings.Index(code, text)
	if offset < 0 || text == "" {
		return place{}, false
	}
	line := strings.Count(code[:offset], "\n") + 1
	column := offset - strings.LastIndexByte(code[:offset], '\n')
	at, ok := p.locate(line, column)
	if !ok && p.mapping == nil {
		return place{file: bundleName, line: line, column: column}, true
	}
	return at, ok && !strings.HasPrefix(at.file, virtual)
}

// decodeMap reads a source map of version 3. A map that is none is nil.
func decodeMap(data []byte) *sourceMap {
	if len(data) == 0 {
		return nil
	}
	var raw struct {
		SourceRoot string   `json:"sourceRoot"`
		Sources    []string `json:"sources"`
		Mappings   string   `json:"mappings"`
	}
	if json.Unmarshal(data, &raw) != nil {
		return nil
	}
	m := &sourceMap{sources: raw.Sources}
	for i := range m.sources {
		m.sources[i] = raw.SourceRoot + m.sources[i]
	}
	var at segment
	for line := range strings.SplitSeq(raw.Mappings, ";") {
		at.column = 0
		var row []segment
		for part := range strings.SplitSeq(line, ",") {
			if part == "" {
				continue
			}
			fields, n := decodeVLQ(part)
			if n == 0 {
				return nil
			}
			at.column += fields[0]
			here := segment{column: at.column, source: -1}
			if n >= 4 {
				at.source += fields[1]
				at.line += fields[2]
				at.original += fields[3]
				here = at
			}
			row = append(row, here)
		}
		m.lines = append(m.lines, row)
	}
	return m
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeVLQ reads one segment: up to five numbers, and how many there were (0
// for a malformed one).
func decodeVLQ(s string) (fields [5]int32, n int) {
	var value, shift uint32
	for i := 0; i < len(s); i++ {
		digit := strings.IndexByte(base64Digits, s[i])
		if digit < 0 || n == len(fields) || shift > 30 {
			return fields, 0
		}
		value |= uint32(digit&31) << shift
		shift += 5
		if digit&32 != 0 {
			continue
		}
		fields[n] = int32(value >> 1)
		if value&1 != 0 {
			fields[n] = -fields[n]
		}
		n, value, shift = n+1, 0, 0
	}
	return fields, n
}

// translate rewrites the positions of the bundle in a text, such as the stack
// property of an error that a script logs.
func (p *Program) translate(text string) string {
	const mark = bundleName + ":"
	if !strings.Contains(text, mark) {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		var line, column, pc int
		n, _ := fmt.Sscanf(rest, "%d:%d(%d)", &line, &column, &pc)
		at, ok := p.locate(line, column)
		if n != 3 || !ok {
			b.WriteString(mark)
			text = rest
			continue
		}
		fmt.Fprintf(&b, "%s:%d:%d", at.file, at.line, at.column)
		text = rest[strings.IndexByte(rest, ')')+1:]
	}
}
