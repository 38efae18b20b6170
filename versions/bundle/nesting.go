package bundle

import "bytes"

// maxNesting is how deep brackets, templates, prefix operators and statements
// without braces may nest in one file. A source built to overflow the compiler's
// stack nests a million deep; people and generators stay below 100.
const maxNesting = 500

// tooDeep returns the offset at which a source nests deeper than maxNesting, or
// -1. It is no parser: it only has to tell code from strings, comments and regular
// expressions well enough, and where it errs (JSX text, a regular expression that
// looks like a division) closing brackets let it find back.
func tooDeep(source []byte) int {
	s := nesting{src: source}
	for s.i < len(s.src) {
		s.token()
		if len(s.open)+s.outer+s.run > maxNesting {
			return min(s.i, len(source)-1)
		}
	}
	return -1
}

// nesting walks over the tokens of a source.
type nesting struct {
	src   []byte
	i     int
	open  []bracket
	outer int // sum of the runs of open brackets
	run   int // prefixes before the coming expression or statement: ! typeof if(…) else
	prev  kind
	vain  int // slashes that began no regular expression after all
}

// maxVain bounds the search for the ends of regular expressions in a file that is
// one long line: honest files have next to none without.
const maxVain = 20

// kind is what the last token means for the next.
type kind byte

const (
	operator kind = iota // an expression may begin: / starts a regular expression
	value                // one has ended: / divides, + adds
	member               // after a dot: a keyword is a name
	less                 // after <: / closes a JSX element
	header               // after if, while, for, with: ( opens its condition
)

// bracket is an open one: ( [ { or ` or $ for ${.
type bracket struct {
	char   byte
	header bool // the condition of a statement that goes on after )
	block  bool // a statement can follow }
	run    int
}

func (s *nesting) token() {
	if n := len(s.open); n > 0 && s.open[n-1].char == '`' {
		s.template()
		return
	}
	c := s.src[s.i]
	switch {
	case c <= ' ':
		s.i++
	case isWord(c):
		s.word()
	case c == '/':
		s.slash()
	case c == '"' || c == '\'':
		s.text(c)
	case c == '`':
		s.push('`')
	case c == '(' || c == '[' || c == '{':
		s.push(c)
	case c == ')' || c == ']' || c == '}':
		s.pop(c)
	case c == '.':
		s.dot()
	case c == '!' || c == '~' || c == '+' || c == '-':
		s.prefix(c)
	default:
		s.i++
		s.end(operator)
		if c == '<' {
			s.prev = less
		}
	}
}

// end ends a run: what stands here nests nothing that follows.
func (s *nesting) end(k kind) { s.run, s.prev = 0, k }

func (s *nesting) push(c byte) {
	s.i++
	s.open = append(s.open, bracket{c, s.prev == header, s.prev != operator && s.prev != less, s.run})
	s.outer += s.run
	s.end(operator)
}

// pop closes the innermost bracket that c can close. Round and square ones that
// were left open within braces are closed with the brace.
func (s *nesting) pop(c byte) {
	s.i++
	for n := len(s.open) - 1; n >= 0; n-- {
		b := s.open[n]
		if !closes(c, b.char) {
			if c == '}' && b.char != '`' {
				continue
			}
			break
		}
		for _, left := range s.open[n:] {
			s.outer -= left.run
		}
		s.open = s.open[:n]
		switch {
		case b.char == '$':
			s.end(value)
		case b.header:
			s.run, s.prev = b.run, operator
		case c == '}' && b.block:
			s.end(operator)
		default:
			s.end(value)
		}
		return
	}
	s.end(value)
}

func closes(c, open byte) bool {
	switch c {
	case ')':
		return open == '('
	case ']':
		return open == '['
	}
	return open == '{' || open == '$'
}

// template walks the text of a template to its end or its next ${.
func (s *nesting) template() {
	for ; s.i < len(s.src); s.i++ {
		switch s.src[s.i] {
		case '\\':
			s.i++
		case '`':
			s.i++
			last := len(s.open) - 1
			s.outer -= s.open[last].run
			s.open = s.open[:last]
			s.end(value)
			return
		case '$':
			if s.i+1 < len(s.src) && s.src[s.i+1] == '{' {
				s.i++
				s.push('$')
				return
			}
		}
	}
}

// text walks over a string. A line break ends one that was none.
func (s *nesting) text(quote byte) {
	for s.i++; s.i < len(s.src); s.i++ {
		switch s.src[s.i] {
		case '\\':
			s.i++
			continue
		case quote:
			s.i++
		case '\n':
		default:
			continue
		}
		break
	}
	s.end(value)
}

// slash walks over a comment, a regular expression or an operator.
func (s *nesting) slash() {
	next := byte(0)
	if s.i+1 < len(s.src) {
		next = s.src[s.i+1]
	}
	switch {
	case next == '/':
		s.i += endOfLine(s.src[s.i:])
		return
	case next == '*':
		end := bytes.Index(s.src[s.i+2:], []byte("*/"))
		if end < 0 {
			s.i = len(s.src)
			return
		}
		s.i += 2 + end + 2
		return
	case s.prev == operator && s.vain < maxVain:
		if end := s.regexp(); end > 0 {
			s.i = end
			s.end(value)
			return
		}
		s.vain++
	}
	s.i++
	s.end(operator)
}

// regexp returns the offset behind the regular expression that begins here, 0 if
// none ends on this line.
func (s *nesting) regexp() int {
	class := false
	for i := s.i + 1; i < len(s.src) && s.src[i] != '\n'; i++ {
		switch s.src[i] {
		case '\\':
			i++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				return i + 1
			}
		}
	}
	return 0
}

// dot walks over a member's dot, the three of a spread, or one that begins a number.
func (s *nesting) dot() {
	s.i++
	switch {
	case s.i < len(s.src) && s.src[s.i] >= '0' && s.src[s.i] <= '9':
		s.word()
	case s.i+1 < len(s.src) && s.src[s.i] == '.' && s.src[s.i+1] == '.':
		s.i += 2
		s.end(operator)
	default:
		s.end(member)
	}
}

// prefix walks over ! ~ + - as what they are: before an operand they nest it, after
// one they are binary, postfix or TypeScript's "not null".
func (s *nesting) prefix(c byte) {
	s.i++
	if s.prev != value {
		s.run++
		s.prev = operator
		return
	}
	next := byte(0)
	if s.i < len(s.src) {
		next = s.src[s.i]
	}
	switch {
	case c == '!' && next != '=':
	case c != '!' && next == c:
		s.i++
	default:
		s.end(operator)
	}
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		c == '_' || c == '$' || c == '\\' || c == '#' || c == '@'
}

// word walks over a name, keyword or number.
func (s *nesting) word() {
	start := s.i
	for s.i < len(s.src) && isWord(s.src[s.i]) {
		s.i++
	}
	if s.prev == member {
		s.end(value)
		return
	}
	switch string(s.src[start:s.i]) {
	case "if", "while", "for", "with":
		s.run++
		s.prev = header
	case "typeof", "void", "delete", "await", "yield", "new", "else", "do":
		after := s.prev
		s.run++
		s.prev = operator
		if string(s.src[start:s.i]) == "await" && after == header {
			s.prev = header
		}
	case "return", "throw", "case", "in", "of", "instanceof", "default", "extends", "try", "finally":
		s.end(operator)
	default:
		s.end(value)
	}
}
