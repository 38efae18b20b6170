package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestHostileWordsAreRefused(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for _, tt := range []struct{ name, text, code string }{
		{"empty text", ``, "bad_json"},
		{"white space", " \t\r\n", "bad_json"},
		{"scalar", `42`, "bad_json"},
		{"string", `"type"`, "bad_json"},
		{"null", `null`, "bad_json"},
		{"array", `[{"type":"r"}]`, "bad_json"},
		{"trailing garbage", `{"type":"r"} x`, "bad_json"},
		{"two objects", `{"type":"r"}{"type":"r"}`, "bad_json"},
		{"byte order mark", "\ufeff" + `{"type":"r"}`, "bad_json"},
		{"NaN", `{"type":"r","a":NaN}`, "bad_json"},
		{"Infinity", `{"type":"r","a":-Infinity}`, "bad_json"},
		{"single quotes", `{'type':'r'}`, "bad_json"},
		{"comment", `{"type":"r"/* a */}`, "bad_json"},
		{"comma too many", `{"type":"r",}`, "bad_json"},
		{"case-folded type", `{"TYPE":"r"}`, "missing_type"},
		{"case-folded acknowledgement", `{"type":"$ack","$ID":"c-1"}`, "bad_id"},
		{"duplicate key", `{"type":"r","a":1,"a":2}`, "duplicate_key"},
		{"duplicate type, escaped", `{"type":"r","ty\u0070e":"$ack"}`, "duplicate_key"},
		{"duplicate key deep inside", `{"type":"r","a":[{"b":1,"b":1}]}`, "duplicate_key"},
		{"depth 33", `{"type":"r","a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "too_deep"},
		{"depth 10,001", strings.Repeat(`{"a":`, 10_000) + `{}` + strings.Repeat(`}`, 10_000), "too_deep"},
		{"depth without end", strings.Repeat("[", 60_000), "bad_json"},
		{"depth without end in an object", `{"type":"r","a":` + strings.Repeat("[", 60_000), "too_deep"},
		{"10,001 values", `{"type":"r","a":[` + strings.Repeat("0,", 10_000) + `0]}`, "too_many_nodes"},
		{"number beyond a double", `{"type":"r","a":1e400}`, "bad_number"},
		{"id of no text", `{"type":"r","$id":7}`, "bad_id"},
		{"id of 65 characters", `{"type":"r","$id":"` + strings.Repeat("i", 65) + `"}`, "bad_id"},
		{"empty id", `{"type":"r","$id":""}`, "bad_id"},
		{"id with a NUL", `{"type":"r","$id":"a\u0000b"}`, "bad_id"},
		{"id with a newline", `{"type":"r","$id":"a\nb"}`, "bad_id"},
		{"reply id with a NUL", `{"type":"r","$re":"a\u0000b"}`, "bad_id"},
		{"type of 65 characters", `{"type":"` + strings.Repeat("t", 65) + `"}`, "bad_type"},
		{"type of no text", `{"type":["r"]}`, "bad_type"},
		{"reserved type", `{"type":"$welcome"}`, "bad_type"},
		{"acknowledgement by number", `{"type":"$ack","$id":18446744073709551616}`, "bad_id"},
		{"negative acknowledgement", `{"type":"$ack","$id":-1}`, "bad_id"},
		{"fractional acknowledgement", `{"type":"$ack","$id":1.5}`, "bad_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := v.count("prey")
			r := v.upgrade(t)
			r.say(tt.text)
			f := r.hear()
			if f.kind() != "$error" || f["code"] != tt.code || f["message"] == "" {
				t.Errorf("answered with %v, want %s", f, tt.code)
			}
			if got := v.count("prey"); got != before {
				t.Errorf("it took effect")
			}
			// The connection goes on.
			id := fmt.Sprintf("w-%x", tt.name)
			r.say(fmt.Sprintf(`{"type":"r","$id":%q}`, id[:min(len(id), 64)]))
			if got := r.hear(); got.kind() != "$ack" || got["status"] != "ok" {
				t.Errorf("the next message is answered with %v", got)
			}
			_ = r.Close()
			v.unharmed(t)
		})
	}
	t.Run("20 refusals", func(t *testing.T) {
		r := v.upgrade(t)
		for range 20 {
			r.say(`[]`)
		}
		for range 20 {
			if f := r.hear(); f["code"] != "bad_json" {
				t.Fatalf("heard %v", f)
			}
		}
		if code := r.closed(); code != 1008 {
			t.Errorf("closed with %d", code)
		}
		v.unharmed(t)
	})
	t.Run("message before hello", func(t *testing.T) {
		r := v.open(t, v.request("Sec-WebSocket-Protocol: tendril.v1.json"))
		r.answer()
		r.hearKind("$welcome")
		r.say(`{"type":"r","$id":"early"}`)
		if f := r.hear(); f["code"] != "hello_first" || f["$id"] != "early" {
			t.Errorf("answered with %v", f)
		}
		_ = r.Close()
		v.unharmed(t)
	})
}

// What looks hostile and is not: it arrives in the script, and in its state, as
// it was written.
func TestUnusualWordsAreData(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for i, tt := range []struct{ name, member, want string }{
		{"30-digit integer", `"a":123456789012345678901234567890`, `"a":1.2345678901234568e+29`},
		{"minus zero", `"a":-0`, `"a":0`},
		{"1E-400", `"a":1E-400`, `"a":0`},
		{"NUL in a value", `"a":"x\u0000y"`, `"a":"x\u0000y"`},
		{"key __proto__", `"__proto__":{"admin":true}`, `"__proto__":{"admin":true}`},
		{"keys of objects", `"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":2`, `"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":2`},
		{"keys that differ in case", `"Type":1,"TYPE":2,"$ID":3`, `"Type":1,"TYPE":2,"$ID":3`},
		{"lone surrogate", `"a":"\ud800"`, `"a":"\ud800"`},
		{"key of 60 KiB", `"` + strings.Repeat("k", 60<<10) + `":1`, `"` + strings.Repeat("k", 60<<10) + `":1`},
		{"depth 32", `"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31), `"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := v.upgrade(t)
			r.say(fmt.Sprintf(`{"type":"r","$id":"u-%d",%s}`, i, tt.member))
			if got := r.hearKind("$ack"); got["status"] != "ok" {
				t.Fatalf("acknowledged with %v", got)
			}
			got, want := v.value("prey", "last"), `{"type":"r",`+tt.want+`}`
			if !sameMembers(t, got, want) {
				t.Errorf("the script had %.200s, want %.200s", got, want)
			}
			_ = r.Close()
			v.unharmed(t)
		})
	}
}

// sameMembers compares objects by the text of their members.
func sameMembers(t *testing.T, a, b string) bool {
	t.Helper()
	var left, right map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a), &left); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &right); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	for key := range left {
		if string(left[key]) != string(right[key]) {
			return false
		}
	}
	return len(left) == len(right)
}

func TestIDsOfMessagesAreJudgedOnce(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	r := v.upgrade(t)
	before := v.count("prey")
	for _, body := range []string{`"a":1`, `"a":1`, `"a":2,"other":"body"`} {
		r.say(`{"type":"r","$id":"same",` + body + `}`)
		if got := r.hear(); got.kind() != "$ack" || got["$id"] != "same" || got["status"] != "ok" {
			t.Errorf("%s is answered with %v", body, got)
		}
	}
	if got := v.value("prey", "last"); !strings.Contains(got, `"a":1`) {
		t.Errorf("the last message that ran is %s", got)
	}
	r.say(`{"type":"r","b":1}`) // without an id, nothing is answered
	r.say(`{"type":"r","$id":"` + strings.Repeat("ß", 64) + `"}`)
	if got := r.hear(); got.kind() != "$ack" {
		t.Errorf("heard %v", got)
	}
	var n, was int
	_, _ = fmt.Sscan(before, &was)
	_, _ = fmt.Sscan(v.count("prey"), &n)
	if n != was+3 {
		t.Errorf("%d messages ran, want 3", n-was)
	}
	_ = r.Close()
	v.unharmed(t)
}

func TestStrangeAcknowledgementsAreIgnored(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for range 2 {
		if _, err := v.Send(t.Context(), "home", "prey", newCommand(1, "")); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Send(t.Context(), "home", "other", newCommand(1, "")); err != nil {
			t.Fatal(err)
		}
	}
	other := v.connect("other", false) // hears its commands and acknowledges none
	foreign, _ := other.hearKind("cmd")["$id"].(string)
	r := v.upgrade(t, "Sec-WebSocket-Protocol: tendril.v1.json")
	r.say(`{"type":"$hello","acks":true}`)
	mine, _ := r.hearKind("cmd")["$id"].(string)
	r.hearKind("cmd")
	for _, id := range []string{foreign, "c-0", "c--1", "c-1.5", "c-18446744073709551616", "c-999999", "r-x-1", "no command", mine + " "} {
		if id == "" {
			continue
		}
		r.say(fmt.Sprintf(`{"type":"$ack","$id":%q}`, id))
	}
	r.say(`{"type":"r","$id":"after"}`)
	if got := r.hear(); got.kind() != "$ack" || got["$id"] != "after" {
		t.Errorf("heard %v, want nothing but the acknowledgement", got)
	}
	_ = r.Close()
	// All of the device's commands wait still.
	again := v.connect("prey", true)
	for range 2 {
		again.hearKind("cmd")
	}
	again.conn.Drop()
	other.conn.Drop()
	v.unharmed(t)
}
