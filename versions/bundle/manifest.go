package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
)

// manifest is what resolution reads of a package.json. Its objects keep the order
// of their keys, because the first condition that holds decides.
type manifest struct {
	dir     string // of the package, relative to the project; "." for the project
	name    string
	fields  *object
	exports any
	imports *object
	browser *object // replacements of modules
	pure    bool    // "sideEffects": false
}

// readManifest returns the package.json of a folder, nil if there is none. One
// that was read belongs to the closure.
func (p *project) readManifest(dir string) (*manifest, error) {
	if m, known := p.manifest[dir]; known {
		return m, nil
	}
	name := path.Join(dir, "package.json")
	data, err := p.read(name)
	if err != nil {
		return nil, err
	}
	var m *manifest
	if data != nil {
		if err := p.use(name); err != nil {
			return nil, err
		}
		if m, err = parseManifest(dir, data); err != nil {
			return nil, refusalf("%s: %v", name, err)
		}
	}
	p.manifest[dir] = m
	return m, nil
}

func parseManifest(dir string, data []byte) (*manifest, error) {
	value, err := parseOrdered(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil, err
	}
	fields, ok := value.(*object)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	m := &manifest{dir: dir, fields: fields, exports: fields.values["exports"]}
	m.name, _ = fields.values["name"].(string)
	m.imports, _ = fields.values["imports"].(*object)
	m.browser, _ = fields.values["browser"].(*object)
	m.pure = fields.values["sideEffects"] == false
	return m, nil
}

// text returns a string field, "" if it is none.
func (m *manifest) text(field string) string {
	s, _ := m.fields.values[field].(string)
	return s
}

// object is a JSON object in its order.
type object struct {
	keys   []string
	values map[string]any
}

// maxManifestDepth bounds the recursion over a package.json.
const maxManifestDepth = 64

// parseOrdered decodes JSON to nil, bool, float64, string, []any and *object.
func parseOrdered(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	v, err := decodeOrdered(d, 0)
	if err != nil {
		return nil, fmt.Errorf("invalid JSON: %w", err)
	}
	if d.More() {
		return nil, errors.New("invalid JSON: text after the value")
	}
	return v, nil
}

func decodeOrdered(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth++; depth > maxManifestDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxManifestDepth)
	}
	var list []any
	o := &object{values: map[string]any{}}
	for d.More() {
		key := ""
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			key = token.(string)
		}
		v, err := decodeOrdered(d, depth)
		if err != nil {
			return nil, err
		}
		if open == '[' {
			list = append(list, v)
			continue
		}
		if _, twice := o.values[key]; !twice {
			o.keys = append(o.keys, key)
		}
		o.values[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if open == '[' {
		return list, nil
	}
	return o, nil
}
