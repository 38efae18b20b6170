package vm

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// decodeDepth bounds the nesting of JSON that is brought into a realm. What
// arrives was judged by stricter limits before.
const decodeDepth = 512

var errJSON = errors.New("malformed JSON")

// decode makes ordinary objects of the realm of JSON text. Numbers are doubles;
// a member called __proto__ is a member; setters on Object.prototype do not run.
func (r *Run) decode(text []byte) (goja.Value, error) {
	d := decoder{rt: r.rt, proto: r.proto, text: text}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	d.space()
	if d.at != len(d.text) {
		return nil, errJSON
	}
	return v, nil
}

type decoder struct {
	rt    *goja.Runtime
	proto *goja.Object
	text  []byte
	at    int
}

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next skips space and takes the byte if it is c.
func (d *decoder) next(c byte) bool {
	d.space()
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) word(word string, v goja.Value) (goja.Value, error) {
	end := d.at + len(word)
	if end > len(d.text) || string(d.text[d.at:end]) != word {
		return nil, errJSON
	}
	d.at = end
	return v, nil
}

func (d *decoder) value(depth int) (goja.Value, error) {
	d.space()
	if d.at == len(d.text) || depth > decodeDepth {
		return nil, errJSON
	}
	switch d.text[d.at] {
	case '{':
		d.at++
		return d.object(depth)
	case '[':
		d.at++
		return d.array(depth)
	case '"':
		s, units, err := d.string()
		if units != nil {
			return goja.StringFromUTF16(units), err
		}
		return d.rt.ToValue(s), err
	case 't':
		return d.word("true", d.rt.ToValue(true))
	case 'f':
		return d.word("false", d.rt.ToValue(false))
	case 'n':
		return d.word("null", goja.Null())
	}
	return d.number()
}

func (d *decoder) object(depth int) (goja.Value, error) {
	// Without a prototype every member becomes an own property.
	o := d.rt.CreateObject(nil)
	for first := true; !d.next('}'); first = false {
		if !first && !d.next(',') || !d.next('"') {
			return nil, errJSON
		}
		d.at--
		key, units, err := d.string()
		if err != nil {
			return nil, err
		}
		if units != nil {
			key = string(utf16.Decode(units))
		}
		if !d.next(':') {
			return nil, errJSON
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := o.Set(key, v); err != nil {
			return nil, err
		}
	}
	return o, o.SetPrototype(d.proto)
}

func (d *decoder) array(depth int) (goja.Value, error) {
	var items []any
	for first := true; !d.next(']'); first = false {
		if !first && !d.next(',') {
			return nil, errJSON
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return d.rt.NewArray(items...), nil
}

// number takes a number by the grammar of JSON.
func (d *decoder) number() (goja.Value, error) {
	start := d.at
	digits := func() bool {
		from := d.at
		for d.at < len(d.text) && '0' <= d.text[d.at] && d.text[d.at] <= '9' {
			d.at++
		}
		return d.at > from
	}
	take := func(set ...byte) bool {
		for _, c := range set {
			if d.at < len(d.text) && d.text[d.at] == c {
				d.at++
				return true
			}
		}
		return false
	}
	negative := take('-')
	if !take('0') && !digits() {
		return nil, errJSON
	}
	whole := true
	if take('.') {
		if whole = false; !digits() {
			return nil, errJSON
		}
	}
	if take('e', 'E') {
		whole = false
		take('+', '-')
		if !digits() {
			return nil, errJSON
		}
	}
	text := string(d.text[start:d.at])
	if whole && len(text) <= 15 && !negative {
		n, err := strconv.ParseInt(text, 10, 64)
		return d.rt.ToValue(n), err
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, errJSON
	}
	return d.rt.ToValue(f), nil
}

// string takes a string. One with a lone surrogate is given as UTF-16.
func (d *decoder) string() (s string, units []uint16, err error) {
	d.at++
	start := d.at
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			d.at++
			return string(d.text[start : d.at-1]), nil, nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", nil, errJSON
		}
		d.at++
	}
	return "", nil, errJSON
}

func (d *decoder) escaped(start int) (string, []uint16, error) {
	out := append(make([]byte, 0, d.at-start+32), d.text[start:d.at]...)
	var units []uint16 // once a lone surrogate was seen
	for d.at < len(d.text) {
		c := d.text[d.at]
		if c == '"' {
			d.at++
			if units != nil {
				return "", append(units, utf16.Encode([]rune(string(out)))...), nil
			}
			return string(out), nil, nil
		}
		if c < ' ' {
			return "", nil, errJSON
		}
		d.at++
		if c != '\\' {
			out = append(out, c)
			continue
		}
		char, err := d.escape()
		if err != nil {
			return "", nil, err
		}
		if utf16.IsSurrogate(char) {
			units = append(units, utf16.Encode([]rune(string(out)))...)
			units, out = append(units, uint16(char)), out[:0]
			continue
		}
		out = utf8.AppendRune(out, char)
	}
	return "", nil, errJSON
}

// escape takes what follows a backslash. Pairs of surrogates are one character;
// a lone one is given as it is.
func (d *decoder) escape() (rune, error) {
	if d.at == len(d.text) {
		return 0, errJSON
	}
	c := d.text[d.at]
	d.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		high, err := d.hex()
		if err != nil || !utf16.IsSurrogate(high) {
			return high, err
		}
		if rest := d.text[d.at:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			before := d.at
			d.at += 2
			low, err := d.hex()
			if err != nil {
				return 0, err
			}
			if pair := utf16.DecodeRune(high, low); pair != utf8.RuneError {
				return pair, nil
			}
			d.at = before
		}
		return high, nil
	}
	return 0, errJSON
}

func (d *decoder) hex() (rune, error) {
	if d.at+4 > len(d.text) {
		return 0, errJSON
	}
	n, err := strconv.ParseUint(string(d.text[d.at:d.at+4]), 16, 16)
	if err != nil {
		return 0, errJSON
	}
	d.at += 4
	return rune(n), nil
}
