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
		"/v1/projects/home/devices/a/b/c", "/v1/projects/ho%2Fme", "/v1/projects/%2E%2E", "/v1/projects/home%00", "/v1/projects/%FF",
	} {
		s.refused(s.do("GET", path, ""), 404, "not_found")
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string]string{
		"/v1/projects":                     "GET, HEAD, POST",
		"/v1/projects/home/devices/a/kv/k": "DELETE, GET, HEAD, PUT",
		"/v1/projects/home/versions":       "POST",
		"/health":                          "GET, HEAD",
	} {
		got := s.do("PATCH", path, "")
		s.refused(got, 405, "method_not_allowed")
		if allow := got.header.Get("Allow"); allow != want {
			t.Errorf("%s: Allow %q, want %q", path, allow, want)
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
