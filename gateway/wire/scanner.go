package wire

import (
	"strconv"
	"sync"
	"unicode/utf8"
)

// maxDepth bounds the recursion whatever a configuration says.
const maxDepth = 1000

var scanners = sync.Pool{New: func() any { return newScanner() }}

// scanner walks one text. A position below 0 means that err is set.
type scanner struct {
	data  []byte
	depth int // allowed
	nodes int // still allowed
	err   JSONError
	keys  keys
}

func newScanner() *scanner { return &scanner{keys: newKeys()} }

func (s *scanner) start(data []byte, limits Limits) {
	defaults := DefaultLimits()
	s.data = data
	s.depth, s.nodes = limits.Depth, limits.Nodes
	if s.depth <= 0 {
		s.depth = defaults.Depth
	}
	s.depth = min(s.depth, maxDepth)
	if s.nodes <= 0 {
		s.nodes = defaults.Nodes
	}
	s.keys.reset()
}

func (s *scanner) release() {
	s.data, s.err = nil, JSONError{}
	scanners.Put(s)
}

func (s *scanner) fail(at int, code, message string) int {
	s.err = JSONError{Code: code, Message: message, Offset: at}
	return -1
}

// unexpected fails at a byte that the grammar does not allow there.
func (s *scanner) unexpected(at int, want string) int {
	if at >= len(s.data) {
		return s.fail(len(s.data), BadJSON, "unexpected end of JSON, expected "+want)
	}
	return s.fail(at, BadJSON, "expected "+want)
}

func (s *scanner) document(names []string, found []Member) bool {
	i := s.space(0)
	if i >= len(s.data) || s.data[i] != '{' {
		s.unexpected(i, "a JSON object")
		return false
	}
	s.nodes--
	if i = s.object(i, 1, names, found); i < 0 {
		return false
	}
	if i = s.space(i); i < len(s.data) {
		s.unexpected(i, "nothing after the object")
		return false
	}
	return true
}

func (s *scanner) space(i int) int {
	for i < len(s.data) {
		switch s.data[i] {
		case ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

func (s *scanner) value(i, depth int) int {
	if i >= len(s.data) {
		return s.unexpected(i, "a value")
	}
	if s.nodes--; s.nodes < 0 {
		return s.fail(i, TooManyNodes, "too many values")
	}
	switch c := s.data[i]; {
	case c == '"':
		end, _ := s.str(i)
		return end
	case c == '{':
		return s.object(i, depth+1, nil, nil)
	case c == '[':
		return s.array(i, depth+1)
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return s.unexpected(i, "a value")
}

func (s *scanner) literal(i int, word string) int {
	if end := i + len(word); end <= len(s.data) && string(s.data[i:end]) == word {
		return end
	}
	return s.unexpected(i, "a value")
}

// object reads from the opening brace. It fills found as Scan says.
func (s *scanner) object(i, depth int, names []string, found []Member) int {
	if depth > s.depth {
		return s.fail(i, TooDeep, "nested too deeply")
	}
	i = s.space(i + 1)
	if i < len(s.data) && s.data[i] == '}' {
		return i + 1
	}
	level := s.keys.open()
	prev := 0
	for {
		if i >= len(s.data) || s.data[i] != '"' {
			return s.unexpected(i, "a key in quotes")
		}
		m := Member{key: i, prev: prev}
		end, escaped := s.str(i)
		if end < 0 {
			return end
		}
		key, ok := s.keys.add(&level, s.data, i+1, end-1, escaped)
		if !ok {
			return s.fail(i, DuplicateKey, "duplicate key")
		}
		if i = s.space(end); i >= len(s.data) || s.data[i] != ':' {
			return s.unexpected(i, "a colon")
		}
		m.value = s.space(i + 1)
		if m.end = s.value(m.value, depth); m.end < 0 {
			return m.end
		}
		prev = m.end
		i = s.space(m.end)
		if i < len(s.data) && s.data[i] == ',' {
			i = s.space(i + 1)
			m.next = i
		}
		if wanted := index(names, key); wanted >= 0 {
			found[wanted] = m
		}
		if m.next > 0 {
			continue
		}
		if i >= len(s.data) || s.data[i] != '}' {
			return s.unexpected(i, "a comma or }")
		}
		s.keys.close(level)
		return i + 1
	}
}

func index(names []string, key []byte) int {
	for i, name := range names {
		if string(key) == name {
			return i
		}
	}
	return -1
}

func (s *scanner) array(i, depth int) int {
	if depth > s.depth {
		return s.fail(i, TooDeep, "nested too deeply")
	}
	i = s.space(i + 1)
	if i < len(s.data) && s.data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return i
		}
		i = s.space(i)
		switch {
		case i < len(s.data) && s.data[i] == ',':
			i = s.space(i + 1)
		case i < len(s.data) && s.data[i] == ']':
			return i + 1
		default:
			return s.unexpected(i, "a comma or ]")
		}
	}
}

// str reads a string from its opening quote and returns the position behind the
// closing one.
func (s *scanner) str(i int) (end int, escaped bool) {
	data := s.data
	for i++; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			n := escape(data[i:])
			if n == 0 {
				return s.unexpected(i, "a valid escape"), true
			}
			i += n
		case c < 0x20:
			return s.unexpected(i, "no control character in a string"), escaped
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n <= 1 {
				return s.unexpected(i, "valid UTF-8"), escaped
			}
			i += n
		}
	}
	return s.unexpected(len(data), "a closing quote"), escaped
}

// number reads a number and judges whether a double can hold its magnitude.
func (s *scanner) number(i int) int {
	start := i
	if s.data[i] == '-' {
		i++
	}
	whole := i
	if i = s.digits(i); i == whole || i > whole+1 && s.data[whole] == '0' {
		return s.unexpected(whole, "a number")
	}
	size := i - whole
	if i < len(s.data) && s.data[i] == '.' {
		fraction := i + 1
		if i = s.digits(fraction); i == fraction {
			return s.unexpected(i, "digits")
		}
	}
	exponent := 0
	if i < len(s.data) && s.data[i]|0x20 == 'e' {
		i++
		sign := 1
		if i < len(s.data) && (s.data[i] == '-' || s.data[i] == '+') {
			if s.data[i] == '-' {
				sign = -1
			}
			i++
		}
		first := i
		if i = s.digits(i); i == first {
			return s.unexpected(i, "digits")
		}
		for _, c := range s.data[first:i] {
			exponent = min(exponent*10+int(c-'0'), 1<<30)
		}
		exponent *= sign
	}
	if size+exponent > 308 && !finite(s.data[start:i]) {
		return s.fail(start, BadNumber, "number beyond a double")
	}
	return i
}

func (s *scanner) digits(i int) int {
	for i < len(s.data) && '0' <= s.data[i] && s.data[i] <= '9' {
		i++
	}
	return i
}

func finite(number []byte) bool {
	_, err := strconv.ParseFloat(string(number), 64)
	return err == nil
}
