package api

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// segments are the parts of an escaped path behind its first slash, to be
// unescaped one by one.
func segments(path string) []string {
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

// match says whether the parts of a path fit a pattern. No name takes an empty
// part. The values are the parts.
func match(pattern, parts []string) ([]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	for i, want := range pattern {
		if isName(want) {
			if parts[i] == "" {
				return nil, false
			}
		} else if want != parts[i] {
			return nil, false
		}
	}
	return parts, true
}

func isName(segment string) bool { return strings.HasPrefix(segment, "{") }

// unescape reads one segment: any UTF-8 but NUL.
func unescape(segment string) (string, error) {
	text, err := url.PathUnescape(segment)
	switch {
	case err != nil:
		return "", errors.New("bad percent-encoding")
	case !utf8.ValidString(text):
		return "", errors.New("not UTF-8")
	case strings.Contains(text, "\x00"):
		return "", errors.New("it holds NUL")
	}
	return text, nil
}

// readable says whether all segments can be unescaped.
func readable(parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool {
		_, err := unescape(part)
		return err != nil
	})
}

// keyPath is the path of a key of a device.
func keyPath(slug, id, key string) string { return devicePath(slug, id) + "/kv/" + escapeKey(key) }

// escapeKey makes one path segment of a key. Dots are escaped where they would
// be taken for a relative path.
func escapeKey(key string) string {
	if key == "." || key == ".." {
		return strings.ReplaceAll(key, ".", "%2E")
	}
	return url.PathEscape(key)
}
