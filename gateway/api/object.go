package api

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// object is the members of a JSON object: names and values in turn. A raw value
// stays as it was typed, which an encoder would rewrite: the server is to judge
// what the author wrote. The zero of any other value is left out.
type object []any

func (o object) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := 0; i < len(o); i += 2 {
		value, err := encodeMember(o[i+1])
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + o[i].(string) + `":`)
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encodeMember is nil for what is left out.
func encodeMember(value any) ([]byte, error) {
	switch v := value.(type) {
	case json.RawMessage:
		if !json.Valid(v) {
			return nil, problem(http.StatusBadRequest, "bad_json", "the text is no valid JSON")
		}
		return v, nil
	case int64:
		if v == 0 {
			return nil, nil
		}
	case string:
		if v == "" {
			return nil, nil
		}
	}
	return json.Marshal(value)
}
