package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func code(err error) string {
	var bad *JSONError
	if errors.As(err, &bad) {
		return bad.Code
	}
	return ""
}

func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func members(n int, key func(int) string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%q:%d", key(i), i)
	}
	return "{" + b.String()[1:] + "}"
}

func numbered(i int) string { return fmt.Sprintf("key%d", i) }

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 60<<10)
	tests := []struct{ name, text, code string }{
		{"empty object", `{}`, ""},
		{"white space", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", ""},
		{"every kind", `{"a":null,"b":true,"c":false,"d":-0,"e":1.5e-3,"f":"x","g":[],"h":[{}]}`, ""},
		{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"}`, ""},
		{"lone surrogate", `{"a":"\ud800"}`, ""},
		{"long key", `{"` + long + `":1}`, ""},
		{"thirty digits", `{"a":123456789012345678901234567890}`, ""},
		{"largest double", `{"a":1.7976931348623157e308,"b":-1.7976931348623157e+308}`, ""},
		{"too small a number", `{"a":1E-400,"b":0e999}`, ""},
		{"depth 32", nested(32), ""},
		{"same key in two objects", `{"a":{"b":1},"c":{"b":2}}`, ""},
		{"inner key as outer", `{"a":{"a":{"a":1}}}`, ""},
		{"keys that differ in case", `{"type":1,"Type":2,"TYPE":3}`, ""},
		{"different lone surrogates", `{"\ud800":1,"\ud801":2}`, ""},
		{"9999 members", members(9999, numbered), ""},

		{"empty", ``, BadJSON},
		{"space only", `  `, BadJSON},
		{"array", `[]`, BadJSON},
		{"string", `"a"`, BadJSON},
		{"number", `1`, BadJSON},
		{"null", `null`, BadJSON},
		{"byte order mark", "\ufeff{}", BadJSON},
		{"trailing text", `{} x`, BadJSON},
		{"two objects", `{}{}`, BadJSON},
		{"unclosed", `{"a":1`, BadJSON},
		{"cut in a literal", `{"a":tru`, BadJSON},
		{"cut in a string", `{"a":"x`, BadJSON},
		{"cut in an escape", `{"a":"\`, BadJSON},
		{"cut after a comma", `{"a":1,`, BadJSON},
		{"comma before brace", `{"a":1,}`, BadJSON},
		{"comma before bracket", `{"a":[1,]}`, BadJSON},
		{"no comma", `{"a":1 "b":2}`, BadJSON},
		{"no colon", `{"a" 1}`, BadJSON},
		{"no value", `{"a":}`, BadJSON},
		{"bare key", `{a:1}`, BadJSON},
		{"single quotes", `{'a':1}`, BadJSON},
		{"comment", `{/**/}`, BadJSON},
		{"NaN", `{"a":NaN}`, BadJSON},
		{"Infinity", `{"a":-Infinity}`, BadJSON},
		{"leading zero", `{"a":01}`, BadJSON},
		{"plus", `{"a":+1}`, BadJSON},
		{"hexadecimal", `{"a":0x1}`, BadJSON},
		{"no digits after point", `{"a":1.}`, BadJSON},
		{"no digits before point", `{"a":.5}`, BadJSON},
		{"no digits in exponent", `{"a":1e+}`, BadJSON},
		{"lone minus", `{"a":-}`, BadJSON},
		{"bad escape", `{"a":"\x"}`, BadJSON},
		{"bad unicode escape", `{"a":"\u00g0"}`, BadJSON},
		{"newline in string", "{\"a\":\"\n\"}", BadJSON},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", BadJSON},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", BadJSON},
		{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", BadJSON},
		{"brackets that do not match", `{"a":[}]`, BadJSON},

		{"depth 33", nested(33), TooDeep},
		{"deep and never closed", `{"a":` + strings.Repeat("[", 60000), TooDeep},
		{"10,001 values", `{"a":[` + strings.Repeat("1,", 9998) + `1]}`, TooManyNodes},
		{"10,000 members", members(10000, numbered), TooManyNodes},
		{"100,000 members", members(100000, numbered), TooManyNodes},
		{"beyond a double", `{"a":1e309}`, BadNumber},
		{"beyond below", `{"a":-1.8e308}`, BadNumber},
		{"309 digits", `{"a":` + strings.Repeat("9", 309) + `}`, BadNumber},
		{"exponent without end", `{"a":1e` + strings.Repeat("9", 1000) + `}`, BadNumber},
		{"same key", `{"a":1,"a":2}`, DuplicateKey},
		{"same key escaped", `{"a":1,"\u0061":2}`, DuplicateKey},
		{"same key escaped twice", `{"\u00e9":1,"b":2,"\u00E9":2}`, DuplicateKey},
		{"same key deep inside", `{"a":[{"b":{"c":1,"c":1}}]}`, DuplicateKey},
		{"same key around an object", `{"a":1,"b":{"x":1},"a":2}`, DuplicateKey},
		{"same empty key", `{"":1,"":2}`, DuplicateKey},
		{"same key among many", members(5000, func(i int) string { return numbered(i % 4999) }), DuplicateKey},
		{"first few again among many", members(40, func(i int) string { return numbered(i % 39) }), DuplicateKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Check([]byte(tt.text), Limits{})
			if got := code(err); got != tt.code {
				t.Errorf("code %q (%v), want %q", got, err, tt.code)
			}
		})
	}
}

func TestCheckExactlyAtTheLimitOfNodes(t *testing.T) {
	t.Parallel()
	text := []byte(`{"a":[1,2,3]}`)
	if err := Check(text, Limits{Nodes: 5}); err != nil {
		t.Errorf("5 values with 5 allowed: %v", err)
	}
	if got := code(Check(text, Limits{Nodes: 4})); got != TooManyNodes {
		t.Errorf("5 values with 4 allowed: %q", got)
	}
}

func TestErrorNamesTheOffset(t *testing.T) {
	t.Parallel()
	var bad *JSONError
	if !errors.As(Check([]byte(`{"a":1,"b":x}`), Limits{}), &bad) || bad.Offset != 11 {
		t.Errorf("got %+v, want offset 11", bad)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	text := []byte(`{"type":"reading","$id":"m-1","celsius":21.5,"tags":{"a":[1,2,{"b":"c"}]},"note":"\u00e9"}`)
	names := []string{"type", "$id"}
	s := newScanner() // the pool loses some on purpose under the race detector
	if n := testing.AllocsPerRun(200, func() {
		var found [2]Member
		if s.start(text, Limits{}); !s.document(names, found[:]) || !found[1].Found() {
			t.Fatal(s.err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestScanFindsTopLevelMembersOnly(t *testing.T) {
	t.Parallel()
	text := []byte(` { "x" : {"type":"inner"} , "t\u0079pe" : "a\"\ud83d\ude00" , "$id" : 7, "lone":"\udc00" } `)
	var found [4]Member
	if err := Scan(text, Limits{}, []string{"type", "$id", "$re", "lone"}, found[:]); err != nil {
		t.Fatal(err)
	}
	if got, ok := found[0].Text(text); !ok || string(got) != `a"😀` {
		t.Errorf("type is %q, %v", got, ok)
	}
	if got := found[1].Value(text); string(got) != "7" {
		t.Errorf("$id is %q", got)
	}
	if _, ok := found[1].Text(text); ok {
		t.Error("a number is a text")
	}
	if found[2].Found() {
		t.Error("an absent member was found")
	}
	if _, ok := found[3].Text(text); ok {
		t.Error("a lone surrogate is a text")
	}
}

func TestCutLeavesTheRestToTheByte(t *testing.T) {
	t.Parallel()
	tests := [][2]string{
		{`{"a":1}`, `{"a":1}`},
		{`{"$id":"x"}`, `{}`},
		{`{"$id":"x","$re":"y"}`, `{}`},
		{`{ "$re":"y" , "$id":"x" }`, `{  }`},
		{`{"$id":"x","a":1.0}`, `{"a":1.0}`},
		{`{"a":1.0,"$id":"x"}`, `{"a":1.0}`},
		{`{"a": 1e2 ,"$id":"x", "b":"\u0061"}`, `{"a": 1e2 ,"b":"\u0061"}`},
		{`{"$id":"x","$re":"y","a":1}`, `{"a":1}`},
		{`{"a":1,"$re":"y","$id":"x"}`, `{"a":1}`},
		{`{"a":1,"$re":"y","$id":"x","b":2}`, `{"a":1,"b":2}`},
		{`{"$re":"y","a":1,"$id":"x"}`, `{"a":1}`},
		{`{"$id":"x","a":1,"$re":"y","b":2}`, `{"a":1,"b":2}`},
		{`{"a":{"$id":"kept"},"$id":"x"}`, `{"a":{"$id":"kept"}}`},
	}
	for _, tt := range tests {
		var found [2]Member
		text := []byte(tt[0])
		if err := Scan(text, Limits{}, []string{"$id", "$re"}, found[:]); err != nil {
			t.Fatal(err)
		}
		for _, got := range [][]byte{Cut(text, found[0], found[1]), Cut(text, found[1], found[0])} {
			if string(got) != tt[1] {
				t.Errorf("%s became %s, want %s", tt[0], got, tt[1])
			}
		}
		if string(text) != tt[0] {
			t.Errorf("the text itself became %s", text)
		}
	}
}

// A scanner goes back to the pool after each text; what one text left in it must
// not be seen by the next.
func TestChecksDoNotRememberOtherTexts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		n := 1 + r.Intn(60)
		text := []byte(`{"o":[` + members(n, numbered) + `,` + members(n, numbered) + `]}`)
		if err := Check(text, Limits{}); err != nil {
			t.Fatalf("%d keys: %v", n, err)
		}
		twice := members(n+1, func(i int) string { return numbered(i % n) })
		if got := code(Check([]byte(twice), Limits{})); got != DuplicateKey {
			t.Fatalf("%d keys and one again: %q", n, got)
		}
	}
}

func FuzzCheckAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":[1,{"b":null}]}`, `{"a":"\ud83d\ude00"}`, `{"a":1e400}`, `{"a":1,"a":2}`, `[`, `{"a":"\u0000"}`, "{\"\xff\":1}", `{"$id":"x","a":1,"$re":"y"}`} {
		f.Add([]byte(seed))
	}
	hostile, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(hostile)) {
		text, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var found [2]Member
		err := Scan(text, Limits{Depth: 1000, Nodes: 1 << 30}, []string{"$id", "$re"}, found[:])
		var into map[string]any
		theirs := json.Unmarshal(text, &into)
		if err == nil {
			if theirs != nil {
				t.Fatalf("accepted %q: %v", text, theirs)
			}
			var rest map[string]any
			if err := json.Unmarshal(Cut(text, found[0], found[1]), &rest); err != nil {
				t.Fatalf("cut of %q: %v", text, err)
			}
			delete(into, "$id")
			delete(into, "$re")
			if !reflect.DeepEqual(into, rest) {
				t.Fatalf("cut of %q is %v", text, rest)
			}
			return
		}
		// What we refuse as no JSON, encoding/json refuses too, but for invalid
		// UTF-8, which it replaces, and null for a map.
		if code(err) == BadJSON && theirs == nil && into != nil && strings.ToValidUTF8(string(text), "") == string(text) {
			t.Fatalf("refused %q: %v", text, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"type":"reading","$id":"m-1","celsius":21.5,"tags":{"a":[1,2,{"b":"c"}]},"note":"fine"}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckManyKeys(b *testing.B) {
	text := []byte(members(5000, numbered))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
