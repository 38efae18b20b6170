package api_test

import (
	"strings"
	"testing"
)

func TestUnknownPathIsAProblem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v2/projects", "/v1/projects/", "/v1//projects", "/v1/projects/home/../home",
		"/v1/projects/home/devices/a/b/c", "/v1/projects/%2E%2E", "/v1/%70rojects",
	} {
		s.refused(s.do("GET", path, ""), 404, "not_found")
	}
	for _, path := range []string{
		"/v1/projects/ho%2Fme", "/v1/projects/home%00", "/v1/projects/%FF", "/v1/projects/home/devices/a%2F..%2Fb", "/%00", "/v1/%FF/x",
	} {
		s.refused(s.do("GET", path, ""), 400, "invalid_path")
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string]string{
		"/v1/projects":                     "GET, HEAD, OPTIONS, POST",
		"/v1/projects/home/devices/a/kv/k": "DELETE, GET, HEAD, OPTIONS, PUT",
		"/v1/projects/home/versions":       "OPTIONS, POST",
		"/health":                          "GET, HEAD, OPTIONS",
	} {
		got := s.do("PATCH", path, "")
		s.refused(got, 405, "method_not_allowed")
		if allow := got.header.Get("Allow"); allow != want {
			t.Errorf("%s: Allow %q, want %q", path, allow, want)
		}
		asked := s.do("OPTIONS", path, "", "Authorization", "")
		if asked.status != 204 || asked.text != "" || asked.header.Get("Allow") != want {
			t.Errorf("OPTIONS %s: %d %q, Allow %q", path, asked.status, asked.text, asked.header.Get("Allow"))
		}
		for name := range asked.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("OPTIONS %s: %s", path, name)
			}
		}
	}
}

func TestHealthFollowsReady(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if got := s.do("GET", "/health", "", "Authorization", ""); got.status != 200 || got.body["status"] != "ok" {
		t.Errorf("ready: %d %s", got.status, got.text)
	}
	s.ready.Store(false)
	s.refused(s.do("GET", "/health", "", "Authorization", ""), 503, "not_ready")
	wantCode(t, s.Health(t.Context()), 503, "not_ready")
}

func TestDocumentNamesEveryRoute(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got := s.do("GET", "/v1/openapi.json", "", "Authorization", "")
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	paths, _ := got.body["paths"].(map[string]any)
	for path, methods := range map[string]string{
		"/health":                               "get",
		"/v1/projects":                          "get post",
		"/v1/projects/{p}":                      "get",
		"/v1/projects/{p}/devices":              "get post",
		"/v1/projects/{p}/devices/{d}":          "get delete",
		"/v1/projects/{p}/devices/{d}/token":    "post",
		"/v1/projects/{p}/devices/{d}/logs":     "get",
		"/v1/projects/{p}/devices/{d}/kv":       "get",
		"/v1/projects/{p}/devices/{d}/kv/{key}": "get put delete",
		"/v1/projects/{p}/devices/{d}/commands": "post",
		"/v1/projects/{p}/scripts/{s}/versions": "get",
		"/v1/projects/{p}/versions":             "post",
		"/v1/projects/{p}/deployments":          "get post",
	} {
		item, _ := paths[path].(map[string]any)
		for method := range strings.FieldsSeq(methods) {
			if item[method] == nil {
				t.Errorf("%s %s is not in the document", method, path)
			}
		}
	}
	if strings.Contains(got.text, `"422"`) {
		t.Error("the document promises 422 for what is told as 400")
	}
}
