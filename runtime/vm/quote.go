package vm

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"
)

const hexDigits = "0123456789abcdef"

// appendQuoted writes valid UTF-8 as a JSON string.
func appendQuoted(buf []byte, s string) []byte {
	buf = append(buf, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, s[from:i]...)
		buf = appendEscaped(buf, c)
		from = i + 1
	}
	return append(append(buf, s[from:]...), '"')
}

func appendEscaped(buf []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\b':
		return append(buf, `\b`...)
	case '\t':
		return append(buf, `\t`...)
	case '\n':
		return append(buf, `\n`...)
	case '\f':
		return append(buf, `\f`...)
	case '\r':
		return append(buf, `\r`...)
	}
	return append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendUnits writes a string that may hold lone surrogates, which JSON text
// can only say as escapes.
func appendUnits(buf []byte, s goja.String) []byte {
	buf = append(buf, '"')
	for i, n := 0, s.Length(); i < n; i++ {
		unit := s.CharAt(i)
		switch {
		case unit < ' ' || unit == '"' || unit == '\\':
			buf = appendEscaped(buf, byte(unit))
			continue
		case !utf16.IsSurrogate(rune(unit)):
			buf = utf8.AppendRune(buf, rune(unit))
			continue
		case i+1 < n:
			if pair := utf16.DecodeRune(rune(unit), rune(s.CharAt(i+1))); pair != utf8.RuneError {
				buf = utf8.AppendRune(buf, pair)
				i++
				continue
			}
		}
		buf = append(buf, '\\', 'u', hexDigits[unit>>12], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
	}
	return append(buf, '"')
}
