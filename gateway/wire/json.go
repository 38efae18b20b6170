package wire

import (
	"bytes"
	"fmt"
)

// The codes of a JSONError.
const (
	BadJSON      = "bad_json"
	DuplicateKey = "duplicate_key"
	TooDeep      = "too_deep"
	TooManyNodes = "too_many_nodes"
	BadNumber    = "bad_number"
)

// JSONError says why a text is no JSON object that we take. Offset counts bytes
// from the start of the text.
type JSONError struct {
	Code    string
	Message string
	Offset  int
}

func (e *JSONError) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Message, e.Offset)
}

// Check reports whether data is one JSON object that every reader understands
// the same way: RFC 8259 to the letter in valid UTF-8, no byte order mark, no
// key twice in one object (escapes resolved), no number beyond a double, at most
// limits.Depth objects and arrays in each other and limits.Nodes values; the
// other limits are not looked at, and one of 0 stands for its default. The error
// is a *JSONError. An escaped lone surrogate is valid JSON and passes.
//
// It reads the text once and, but for large objects, allocates nothing.
func Check(data []byte, limits Limits) error {
	return Scan(data, limits, nil, nil)
}

// Scan is Check that also finds members of the top-level object: found[i] becomes
// the member whose key is names[i]. Both have the same length; found starts
// zeroed.
func Scan(data []byte, limits Limits, names []string, found []Member) error {
	s := scanners.Get().(*scanner)
	defer s.release()
	s.start(data, limits)
	if s.document(names, found) {
		return nil
	}
	err := s.err
	return &err
}

// Member is where a member of an object stands in the text it was found in. The
// zero Member is an absent one.
type Member struct {
	key   int // of the quote that opens the key
	value int // of the value
	end   int // behind the value
	prev  int // behind the value of the member before, 0 for none
	next  int // of the next member's key, 0 for none
}

// Found reports whether the member is there.
func (m Member) Found() bool { return m.end > 0 }

// Value returns the text of the member's value, a part of data.
func (m Member) Value(data []byte) []byte { return data[m.value:m.end] }

// Text returns the value when it is a string, escapes resolved. It is false for
// any other value, and for a string that no UTF-8 can hold because of a lone
// surrogate. The text is a part of data where it has no escapes.
func (m Member) Text(data []byte) ([]byte, bool) {
	if !m.Found() || data[m.value] != '"' {
		return nil, false
	}
	raw := data[m.value+1 : m.end-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	return appendText(make([]byte, 0, len(raw)), raw)
}

// Cut returns the object in data without the two members, each of which may be
// absent; what remains keeps its text to the byte. The result is data itself
// when there is nothing to cut, else a copy.
func Cut(data []byte, a, b Member) []byte {
	if !a.Found() || (b.Found() && b.key < a.key) {
		a, b = b, a
	}
	switch {
	case !a.Found():
		return data
	case !b.Found():
		from, to := gap(a, a)
		return join(data[:from], data[to:], nil)
	case a.next == b.key:
		from, to := gap(a, b)
		return join(data[:from], data[to:], nil)
	default:
		from, to := gap(a, a)
		from2, to2 := gap(b, b)
		return join(data[:from], data[to:from2], data[to2:])
	}
}

// gap returns what goes when neighbours first to last are cut: they, and the
// comma that would be left over.
func gap(first, last Member) (from, to int) {
	switch {
	case last.next > 0:
		return first.key, last.next
	case first.prev > 0:
		return first.prev, last.end
	default:
		return first.key, last.end
	}
}

func join(a, b, c []byte) []byte {
	out := make([]byte, 0, len(a)+len(b)+len(c))
	return append(append(append(out, a...), b...), c...)
}
