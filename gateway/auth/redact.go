package auth

import "strings"

// Redact puts … in place of what may be a token in a text that is to be told:
// the prefix of a kind with at least as many characters as could be guessed from.
func Redact(text string) string {
	for _, kind := range [...]Kind{DeviceToken, APIToken, ProvisionToken} {
		text = redactKind(text, string(kind))
	}
	return text
}

func redactKind(text, prefix string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, prefix)
		if at < 0 {
			if b.Len() == 0 {
				return text
			}
			return b.String() + text
		}
		end := at + len(prefix)
		b.WriteString(text[:end])
		rest := text[end:]
		n := 0
		for n < len(rest) && (inBase62(rest[n]) || rest[n] == '_') {
			n++
		}
		if n >= 2*checksum {
			b.WriteString("…")
		} else {
			b.WriteString(rest[:n])
		}
		text = rest[n:]
	}
}
