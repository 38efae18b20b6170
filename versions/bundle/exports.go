package bundle

import (
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// conditions say which entries of "exports" and "imports" hold here. The engine is
// no Node and has no page, but what packages ship for browsers and workers uses
// the globals it has.
func conditions(kind api.ResolveKind) map[string]bool {
	c := map[string]bool{"default": true, "module": true, "worker": true, "browser": true, "production": true}
	if kind == api.ResolveJSRequireCall {
		c["require"] = true
	} else {
		c["import"] = true
	}
	return c
}

// export returns the target that "exports" names for a subpath ("." or "./x"), ""
// if the package does not export it.
func (m *manifest) export(subpath string, kind api.ResolveKind) string {
	table, ok := m.exports.(*object)
	if !ok || len(table.keys) == 0 || !strings.HasPrefix(table.keys[0], ".") {
		if subpath != "." {
			return ""
		}
		target, _ := pick(m.exports, conditions(kind), "")
		return target
	}
	return lookup(table, subpath, conditions(kind))
}

// lookup finds the entry of a table for a key: the same text, else the pattern
// with the longest text before its *.
func lookup(table *object, key string, conditions map[string]bool) string {
	if value, ok := table.values[key]; ok && !strings.Contains(key, "*") {
		target, _ := pick(value, conditions, "")
		return target
	}
	best, match := "", ""
	for _, pattern := range table.keys {
		before, after, ok := strings.Cut(pattern, "*")
		if !ok || len(key) < len(pattern) || !strings.HasPrefix(key, before) || !strings.HasSuffix(key, after) {
			continue
		}
		bestBefore, _, _ := strings.Cut(best, "*")
		if best == "" || len(before) > len(bestBefore) || len(before) == len(bestBefore) && len(pattern) > len(best) {
			best, match = pattern, key[len(before):len(key)-len(after)]
		}
	}
	if best == "" {
		return ""
	}
	target, _ := pick(table.values[best], conditions, match)
	return target
}

// pick chooses a target: the first condition that holds and leads to one. decided
// says that the search ends here, also when the target is null.
func pick(value any, conditions map[string]bool, match string) (target string, decided bool) {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, "*", match), true
	case *object:
		for _, key := range value.keys {
			if !conditions[key] {
				continue
			}
			if target, decided := pick(value.values[key], conditions, match); decided {
				return target, true
			}
		}
		return "", false
	case []any:
		for _, v := range value {
			if target, _ := pick(v, conditions, match); target != "" {
				return target, true
			}
		}
		return "", len(value) > 0
	}
	return "", true
}

// inside joins a target, which has to begin with "./", to the package's folder; ""
// if it leads out of it.
func (m *manifest) inside(target string) string {
	if !strings.HasPrefix(target, "./") {
		return ""
	}
	if clean := path.Clean(target); clean != ".." && !strings.HasPrefix(clean, "../") {
		return path.Join(m.dir, clean)
	}
	return ""
}

// replacement returns what the package's "browser" field puts in place of a module
// or of a file (as "./x" from the package's folder): ok says that it has an entry,
// "" stands for nothing at all.
func (m *manifest) replacement(names ...string) (to string, ok bool) {
	if m == nil || m.browser == nil {
		return "", false
	}
	for _, name := range names {
		switch value := m.browser.values[name].(type) {
		case string:
			return value, true
		case bool:
			return "", !value
		}
	}
	return "", false
}
