package auth

import "errors"

// MaxSlug is the longest project slug, in bytes.
const MaxSlug = 63

// ErrSlug is returned for a text that is no project slug.
var ErrSlug = errors.New("invalid project: a lower-case letter, then up to 62 lower-case letters, digits or -")

// ParseSlug checks a project's slug as it comes from outside:
// ^[a-z][a-z0-9-]{0,62}$.
func ParseSlug(s string) (string, error) {
	if len(s) == 0 || len(s) > MaxSlug || s[0] < 'a' || s[0] > 'z' {
		return "", ErrSlug
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return "", ErrSlug
		}
	}
	return s, nil
}
