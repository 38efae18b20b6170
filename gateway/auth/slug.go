package auth

import "errors"

// MaxSlug is the longest project slug, in bytes.
const MaxSlug = 63

// Errors for texts that cannot name a project or an owner.
var (
	ErrSlug  = errors.New("invalid project: a lower-case letter, then up to 62 lower-case letters, digits or -")
	ErrOwner = errors.New("invalid owner: a lower-case letter, then up to 62 lower-case letters, digits or -")
)

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

// ParseOwner checks an owner's name as it comes from outside; it has the grammar
// of slugs.
func ParseOwner(s string) (string, error) {
	if _, err := ParseSlug(s); err != nil {
		return "", ErrOwner
	}
	return s, nil
}
