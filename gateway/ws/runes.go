package ws

import "unicode/utf8"

// runes checks text that comes in pieces. Zero runes are at the start of a text.
type runes struct {
	held [utf8.UTFMax]byte // of a character whose rest is to come
	n    uint8
}

// add takes the next piece. It is false at the first byte that makes the text
// invalid UTF-8, whatever follows.
func (r *runes) add(p []byte) bool {
	for r.n > 0 && len(p) > 0 {
		r.held[r.n] = p[0]
		r.n++
		p = p[1:]
		if !utf8.FullRune(r.held[:r.n]) {
			continue
		}
		if c, size := utf8.DecodeRune(r.held[:r.n]); c == utf8.RuneError && size == 1 {
			return false
		}
		r.n = 0
	}
	end := len(p)
	for at := end - 1; at >= 0 && at > end-utf8.UTFMax; at-- {
		if utf8.RuneStart(p[at]) {
			if !utf8.FullRune(p[at:]) {
				r.n = uint8(copy(r.held[:], p[at:]))
				p = p[:at]
			}
			break
		}
	}
	return utf8.Valid(p)
}

// cut reports whether the text ends inside a character.
func (r *runes) cut() bool { return r.n > 0 }
