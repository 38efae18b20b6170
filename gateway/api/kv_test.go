package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

func TestKeyIsAnyTextInOneSegment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	keys := []string{
		"plain", "a/b", "a//b", "/", ".", "..", "../..", "a%2Fb", "100%", "a+b c", "ключ", "?q=1#f", "\x01\n", `"\`, "%00",
		strings.Repeat("é", 256),
	}
	for i, key := range keys {
		value := json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))
		if err := s.PutPair(t.Context(), "home", "lamp", key, value, 0); err != nil {
			t.Fatalf("put %q: %v", key, err)
		}
	}
	for i, key := range keys {
		got, err := s.Pair(t.Context(), "home", "lamp", key)
		if err != nil || got.Key != key || string(got.Value) != fmt.Sprintf(`{"n":%d}`, i) {
			t.Errorf("get %q: %+v, %v", key, got, err)
		}
	}
	for _, key := range keys {
		if err := s.DeletePair(t.Context(), "home", "lamp", key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
		_, err := s.Pair(t.Context(), "home", "lamp", key)
		wantCode(t, err, 404, "not_found")
		wantCode(t, s.DeletePair(t.Context(), "home", "lamp", key), 404, "not_found")
	}
}

func TestKeyInAPathIsNeverCleaned(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	const kv = "/v1/projects/home/devices/lamp/kv/"
	for raw, key := range map[string]string{
		"..": "..", "%2E%2E": "..", "a%2F..%2Fb": "a/../b", "%2F": "/", "%61": "a", "a+b": "a+b",
	} {
		if got := s.do("PUT", kv+raw, `{"value":1}`); got.status != 200 || got.body["key"] != key {
			t.Errorf("%s: %d %s", raw, got.status, got.text)
		}
	}
	for _, raw := range []string{"%00", "a%00b", "%FF", "%C3%28", strings.Repeat("a", 513)} {
		s.refused(s.do("PUT", kv+raw, `{"value":1}`), 400, "invalid_key")
	}
	s.refused(s.do("PUT", kv, `{"value":1}`), 404, "not_found")
	s.refused(s.do("PUT", kv+"a/b", `{"value":1}`), 404, "not_found")
}

func TestValueKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	const path = "/v1/projects/home/devices/lamp/kv/k"
	for typed, want := range map[string]string{
		`null`: `null`, ` 1.50 `: `1.50`, `{"b": 1, "a": [ ]}`: `{"b":1,"a":[]}`, `"<é>"`: `"<é>"`, `12345678901234567890`: `12345678901234567890`,
	} {
		if got := s.do("PUT", path, `{"value":`+typed+`}`); got.status != 200 {
			t.Errorf("put %s: %d %s", typed, got.status, got.text)
		}
		if got := s.do("GET", path, ""); got.text != `{"key":"k","value":`+want+"}\n" {
			t.Errorf("put %s, got %s", typed, got.text)
		}
	}
	s.refused(s.do("PUT", path, `{}`), 400, "invalid_request")
	s.refused(s.do("PUT", path, `{"value":{"a":1,"a":2}}`), 400, "duplicate_key")
	s.refused(s.do("PUT", path, `{"value":1,"ttl":-1}`), 400, "invalid_request")
	s.refused(s.do("PUT", path, `{"value":"`+strings.Repeat("x", 64<<10)+`"}`), 413, "too_large")
	if got := s.do("PUT", path, `{"value":"`+strings.Repeat("x", 64<<10-2)+`"}`); got.status != 200 {
		t.Errorf("64 KiB: %d %s", got.status, got.text)
	}
}

func TestValueEndsWithItsTTL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	if err := s.PutPair(t.Context(), "home", "lamp", "long", []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.PutPair(t.Context(), "home", "lamp", "short", []byte("1"), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := s.Pair(t.Context(), "home", "lamp", "short"); err != nil {
			wantCode(t, err, 404, "not_found")
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the key does not end")
		}
	}
	if _, err := s.Pair(t.Context(), "home", "lamp", "long"); err != nil {
		t.Error(err)
	}
}

func TestKeysAreListedInByteOrderByPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	for _, key := range []string{"b/2", "a", "b/10", "b/1", "é", "B"} {
		if err := s.PutPair(t.Context(), "home", "lamp", key, []byte(`"`+key+`"`), 0); err != nil {
			t.Fatal(err)
		}
	}
	read := func(q api.PairQuery) string {
		var keys []string
		for {
			page, err := s.Pairs(t.Context(), "home", "lamp", q)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Items {
				if string(p.Value) != `"`+p.Key+`"` {
					t.Errorf("%s has %s", p.Key, p.Value)
				}
				keys = append(keys, p.Key)
			}
			if page.Cursor == nil {
				return strings.Join(keys, " ")
			}
			q.After, q.Cursor = "", *page.Cursor
		}
	}
	for _, limit := range []int{0, 1, 2, 3, 6} {
		if got := read(api.PairQuery{Limit: limit}); got != "B a b/1 b/10 b/2 é" {
			t.Errorf("limit %d: %s", limit, got)
		}
		if got := read(api.PairQuery{Limit: limit, Prefix: "b/"}); got != "b/1 b/10 b/2" {
			t.Errorf("limit %d, prefix: %s", limit, got)
		}
		if got := read(api.PairQuery{Limit: limit, After: "b/1"}); got != "b/10 b/2 é" {
			t.Errorf("limit %d, after: %s", limit, got)
		}
	}
	const kv = "/v1/projects/home/devices/lamp/kv"
	if got := s.do("GET", kv+"?prefix=zzz", ""); got.text != `{"items":[],"cursor":null}`+"\n" {
		t.Errorf("none: %s", got.text)
	}
	s.refused(s.do("GET", kv+"?cursor=!", ""), 400, "invalid_cursor")
	s.refused(s.do("GET", kv+"?cursor=YQ&after=a", ""), 400, "invalid_request")
	s.refused(s.do("GET", kv+"?limit=1001", ""), 400, "invalid_request")
	s.refused(s.do("GET", "/v1/projects/home/devices/nobody/kv", ""), 404, "not_found")
}

func TestFullStateIsToldApart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	value := json.RawMessage(`"` + strings.Repeat("x", 64<<10-2) + `"`)
	var err error
	for i := 0; i < 17 && err == nil; i++ {
		err = s.PutPair(t.Context(), "home", "lamp", fmt.Sprint("k", i), value, 0)
	}
	wantCode(t, err, 507, "kv_full")
}
