package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// difference is one place in which a JSON value is not what was expected. Path
// is written like $.fan.on; Got is "" for a field that is missing.
type difference struct{ Path, Want, Got string }

// differences compares a JSON value with one that is expected to be a subset of
// it: objects may have further fields, at every depth; arrays are compared
// element by element and have one length; numbers are compared by value.
func differences(want, got []byte) ([]difference, error) {
	w, err := decodeExact(want)
	if err != nil {
		return nil, err
	}
	g, err := decodeExact(got)
	if err != nil {
		return nil, err
	}
	return compare(nil, "$", w, g), nil
}

func compare(found []difference, path string, want, got any) []difference {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			below := path + "." + key
			if value, ok := g[key]; ok {
				found = compare(found, below, w[key], value)
			} else {
				found = append(found, difference{Path: below, Want: jsonText(w[key])})
			}
		}
		return found
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			found = compare(found, fmt.Sprintf("%s[%d]", path, i), w[i], g[i])
		}
		return found
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return found
		}
	default:
		if want == got {
			return found
		}
	}
	return append(found, difference{Path: path, Want: jsonText(want), Got: jsonText(got)})
}

// sameNumber compares numbers by value, as far as a double tells them apart.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, _, errX := big.ParseFloat(string(a), 10, 53, big.ToNearestEven)
	y, _, errY := big.ParseFloat(string(b), 10, 53, big.ToNearestEven)
	return errX == nil && errY == nil && x.Cmp(y) == 0
}

func decodeExact(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return v, d.Decode(&v)
}

func jsonText(v any) string {
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		return fmt.Sprint(v)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
