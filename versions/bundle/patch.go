package bundle

import (
	"bytes"
	"strings"
)

// patch mends two things that esbuild does to the code, without moving a column.
//
// It names a class that speaks of itself in its body _X: such a class gets back
// its own name. And it makes the constructor call new RegExp() of a literal that
// the engine would get wrong: in packages, whose author is not there to mend it,
// that becomes an object that throws when it is used. Literals of the project's
// own were refused before.
func (p *project) patch(code []byte, m *sourceMap) []byte {
	classes := selfNamed(code)
	if len(classes) == 0 && !bytes.Contains(code, []byte(newRegExp)) {
		return code
	}
	literal := false
	m.walk(code, func(at int, source string, line, column int) {
		name, ok := strings.CutPrefix(source, projectSpace+":")
		if !ok {
			return
		}
		switch word := wordAt(code, at); {
		case classes[word] != nil:
			original := wordAt(p.cache[name], p.offset(name, line, column))
			classes[word].learn(at, "_"+original == word)
		case word == "new" && inPackage(name) && bytes.HasPrefix(code[at:], []byte(newRegExp)):
			if data, o := p.cache[name], p.offset(name, line, column); o < len(data) && data[o] == '/' {
				literal = true
				copy(code[at:], noRegExp)
			}
		}
	})
	for word, c := range classes {
		c.rename(code, word[1:])
	}
	if !literal {
		return code
	}
	first := bytes.IndexByte(code, '\n')
	return bytes.Join([][]byte{code[:first], []byte(refuseRegExp), code[first:], []byte("})();\n")}, nil)
}

// The two calls are of the same length.
const (
	newRegExp = "new RegExp("
	noRegExp  = "__noRegExp("
)

// refuseRegExp stands at the end of the first line and is closed after the last.
const refuseRegExp = `(()=>{const __noRegExp=(source,flags)=>new Proxy(/(?:)/,{get(){` +
	`throw new SyntaxError("the engine cannot run the regular expression /"+source+"/"+flags)}});`

// class holds the offsets of what reads like a class's inner name, and what the
// source map says of them.
type class struct{ uses map[int]use }

type use byte

const (
	unmapped use = iota
	other        // it is a name of the author's
	itself       // it stands for the class
)

func (c *class) learn(at int, is bool) {
	known, listed := c.uses[at]
	switch {
	case !listed:
	case is:
		c.uses[at] = itself
	case known == unmapped:
		c.uses[at] = other
	}
}

// rename gives the class its own name, with a space to keep the length, unless a
// place is in doubt. The map knows no place for the value of {X}, written {X:_X}.
func (c *class) rename(code []byte, name string) {
	for at, use := range c.uses {
		if use == other || use == unmapped && !bytes.HasSuffix(code[:at], []byte(name+":")) {
			return
		}
	}
	for at := range c.uses {
		copy(code[at:], name+" ")
	}
}

// selfNamed finds the classes X that the code declares as "X=class _X", by the
// name _X. One whose name is declared twice is left out.
func selfNamed(code []byte) map[string]*class {
	const declared = "=class _"
	classes := map[string]*class{}
	for at := 0; ; {
		next := bytes.Index(code[at:], []byte(declared))
		if next < 0 {
			break
		}
		at += next + len(declared) - 1
		name := wordAt(code, at)
		start := at - len(declared) + 1 - len(name) + 1
		if start > 0 && wordAt(code, start) == name[1:] && !isWord(code[start-1]) {
			classes[name] = &class{uses: map[int]use{}}
		}
	}
	if len(classes) == 0 {
		return nil
	}
	declarations := map[string]int{}
	for at := 0; at < len(code); at++ {
		if !isWord(code[at]) {
			continue
		}
		word := wordAt(code, at)
		if c := classes[word]; c != nil && (at == 0 || code[at-1] != '.') {
			c.uses[at] = unmapped
			if bytes.HasSuffix(code[:at], []byte("class ")) {
				declarations[word]++
			}
		}
		at += len(word)
	}
	for name := range classes {
		if declarations[name] != 1 {
			delete(classes, name)
		}
	}
	return classes
}

// wordAt is the name or keyword at an offset, "" if there is none.
func wordAt(data []byte, at int) string {
	end := at
	for end < len(data) && isWord(data[end]) {
		end++
	}
	return string(data[min(at, end):end])
}

// offset finds a place of a source map, counted from 0 and in UTF-16 units.
func (p *project) offset(file string, line, column int) int {
	return advance(p.cache[file], p.lineOffset(file, line), column)
}

// lineOffset is where a line, counted from 0, begins.
func (p *project) lineOffset(file string, line int) int {
	starts := p.starts[file]
	if starts == nil {
		data := p.cache[file]
		starts = append(starts, 0)
		for at := endOfLine(data); at < len(data); at += endOfLine(data[at:]) {
			at = nextLine(data, at)
			starts = append(starts, at)
		}
		p.starts[file] = starts
	}
	if line < 0 || line >= len(starts) {
		return len(p.cache[file])
	}
	return starts[line]
}
