package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// sourceMap is version 3 of the format, as esbuild writes it.
type sourceMap struct {
	Version        int      `json:"version"`
	Sources        []string `json:"sources"`
	SourcesContent []string `json:"sourcesContent"`
	Mappings       string   `json:"mappings"`
	Names          []string `json:"names"`
}

// sourceLine is a line, counted from 0, of a source as esbuild names it.
type sourceLine struct {
	source string
	line   int
}

func parseMap(data []byte) (*sourceMap, error) {
	m := &sourceMap{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read source map: %w", err)
	}
	return m, nil
}

// relative writes the map with sources named by their paths in the project and
// their contents as they were read. What comes from inside the binary is named
// "tendril:…".
func (m *sourceMap) relative(p *project) []byte {
	out := *m
	out.Sources = make([]string, len(m.Sources))
	out.SourcesContent = make([]string, len(m.Sources))
	for i, source := range m.Sources {
		out.Sources[i] = source
		if name, ok := strings.CutPrefix(source, projectSpace+":"); ok {
			out.Sources[i], out.SourcesContent[i] = name, string(p.cache[name])
		}
	}
	data, _ := json.Marshal(out) // strings and numbers cannot fail
	return data
}

// walk calls visit for every mapping in the order of the code: an offset of the
// code, a source as esbuild names it, and a place in it, counted from 0 in lines
// and UTF-16 units.
func (m *sourceMap) walk(code []byte, visit func(at int, source string, line, column int)) {
	source, line, column, start := 0, 0, 0, 0
	for row := range strings.SplitSeq(m.Mappings, ";") {
		at := start
		for segment := range strings.SplitSeq(row, ",") {
			fields := decodeVLQ(segment)
			if len(fields) < 4 {
				continue
			}
			at = advance(code, at, fields[0])
			source += fields[1]
			line += fields[2]
			column += fields[3]
			if source >= 0 && source < len(m.Sources) && at < len(code) {
				visit(at, m.Sources[source], line, column)
			}
		}
		if end := bytes.IndexByte(code[start:], '\n'); end >= 0 {
			start += end + 1
		}
	}
}

// advance moves an offset by a number of UTF-16 units.
func advance(data []byte, at, units int) int {
	for units > 0 && at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		units -= max(1, utf16.RuneLen(r))
		at += size
	}
	return at
}

// lines returns the source lines of which something is in the code.
func (m *sourceMap) lines(code []byte) map[sourceLine]bool {
	lines := map[sourceLine]bool{}
	m.walk(code, func(_ int, source string, line, _ int) { lines[sourceLine{source, line}] = true })
	return lines
}

// decodeVLQ reads the numbers of one segment of the mappings.
func decodeVLQ(segment string) []int {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var numbers []int
	value, shift := 0, 0
	for i := range len(segment) {
		digit := strings.IndexByte(digits, segment[i])
		value |= (digit & 31) << shift
		if shift += 5; digit&32 != 0 {
			continue
		}
		if value&1 != 0 {
			numbers = append(numbers, -(value >> 1))
		} else {
			numbers = append(numbers, value>>1)
		}
		value, shift = 0, 0
	}
	return numbers
}
