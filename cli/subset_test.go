package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubsetMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want, got string
		differ    []difference
	}{
		"further fields":       {`{"type":"fan"}`, `{"type":"fan","on":true,"$id":"c-1"}`, nil},
		"further fields below": {`{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, nil},
		"number by value":      {`{"n":1.0}`, `{"n":1}`, nil},
		"exponent":             {`{"n":1e3}`, `{"n":1000}`, nil},
		"huge exponent":        {`{"n":1e400}`, `{"n":1e400}`, nil},
		"null is not missing":  {`{"n":null}`, `{}`, []difference{{"$.n", "null", ""}}},
		"value":                {`{"on":true}`, `{"on":false}`, []difference{{"$.on", "true", "false"}}},
		"kind":                 {`{"n":"1"}`, `{"n":1}`, []difference{{"$.n", `"1"`, "1"}}},
		"missing":              {`{"a":{"b":1}}`, `{"a":{}}`, []difference{{"$.a.b", "1", ""}}},
		"no object":            {`{"a":{}}`, `{"a":[]}`, []difference{{"$.a", "{}", "[]"}}},
		"array elements":       {`{"a":[{"b":1},2]}`, `{"a":[{"b":1,"c":1},3]}`, []difference{{"$.a[1]", "2", "3"}}},
		"array length":         {`{"a":[1]}`, `{"a":[1,2]}`, []difference{{"$.a", "[1]", "[1,2]"}}},
		"all of them":          {`{"b":1,"a":2}`, `{"b":2,"a":1}`, []difference{{"$.a", "2", "1"}, {"$.b", "1", "2"}}},
		"markup as it is":      {`{"t":"<a>"}`, `{"t":"<b>"}`, []difference{{"$.t", `"<a>"`, `"<b>"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := differences([]byte(c.want), []byte(c.got))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.differ, found); d != "" {
				t.Error(d)
			}
		})
	}
}
