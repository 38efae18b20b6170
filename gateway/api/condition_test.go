package api_test

import "testing"

func TestStaleConditionChangesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	const path = "/v1/projects/home/devices/lamp/kv/k"
	s.refused(s.do("PUT", path, `{"value":1}`, "If-Match", "*"), 412, "precondition_failed")
	made := s.do("PUT", path, `{"value":{"a":1,"b":2}}`, "If-None-Match", "*")
	if made.status != 200 || made.header.Get("ETag") == "" {
		t.Fatalf("%d %s, tag %q", made.status, made.text, made.header.Get("ETag"))
	}
	s.refused(s.do("PUT", path, `{"value":2}`, "If-None-Match", "*"), 412, "precondition_failed")
	tag := made.header.Get("ETag")
	if got := s.do("GET", path, ""); got.header.Get("ETag") != tag {
		t.Errorf("read with tag %s, written with %s", got.header.Get("ETag"), tag)
	}
	same := s.do("PUT", path, `{"value":{"b":2.0,"a":1}}`, "If-Match", `"other", `+tag)
	if same.status != 200 || same.header.Get("ETag") != tag {
		t.Errorf("an equal value has tag %s instead of %s: %s", same.header.Get("ETag"), tag, same.text)
	}
	changed := s.do("PUT", path, `{"value":3}`, "If-Match", tag)
	if changed.status != 200 || changed.header.Get("ETag") == tag {
		t.Errorf("%d, tag %s", changed.status, changed.header.Get("ETag"))
	}
	s.refused(s.do("PUT", path, `{"value":4}`, "If-Match", tag), 412, "precondition_failed")
	s.refused(s.do("DELETE", path, "", "If-Match", tag), 412, "precondition_failed")
	if got := s.do("GET", path, ""); got.body["value"] != 3.0 {
		t.Errorf("a stale write came through: %s", got.text)
	}
	for _, bad := range [][]string{{"If-Match", "untagged"}, {"If-None-Match", tag}, {"If-Match", tag, "If-None-Match", "*"}} {
		s.refused(s.do("PUT", path, `{"value":5}`, bad...), 400, "invalid_request")
	}
	if got := s.do("DELETE", path, "", "If-Match", changed.header.Get("ETag")); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
}
