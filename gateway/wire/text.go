package wire

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escape returns the length of the escape sequence that text begins with, 0 when
// it is none of JSON's.
func escape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if unit(text) >= 0 {
			return 6
		}
	}
	return 0
}

// unit returns the UTF-16 code unit of the \uXXXX that text begins with, or -1.
func unit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// appendText appends the text between a string's quotes, which has been checked,
// with its escapes resolved. A lone surrogate is kept in UTF-8's scheme, so that
// different strings stay different, and makes it return false.
func appendText(dst, raw []byte) ([]byte, bool) {
	whole := true
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			dst = append(dst, plain(raw[i+1]))
			i += 2
			continue
		}
		r := unit(raw[i:])
		i += 6
		if !utf16.IsSurrogate(r) {
			dst = utf8.AppendRune(dst, r)
			continue
		}
		if pair := utf16.DecodeRune(r, unit(raw[i:])); pair != utf8.RuneError {
			dst = utf8.AppendRune(dst, pair)
			i += 6
			continue
		}
		whole = false
		dst = append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return dst, whole
}

// plain returns what a two-character escape stands for.
func plain(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
