package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

// fixedCompiler answers with these files for every script.
type fixedCompiler []versions.File

func (c fixedCompiler) CompileDir(context.Context, string, versions.Script) (versions.Bundle, []versions.File, error) {
	return versions.Bundle{}, c, nil
}

func TestDigestMismatchStopsTheDeploy(t *testing.T) {
	t.Parallel()
	files := fixedCompiler{{Path: "a.ts", Data: []byte("1")}}
	script := versions.Script{Name: "a", Main: "a.ts"}
	digest := strings.Repeat("0", 64) // what the server says
	flipped := false
	mux := http.NewServeMux()
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux.HandleFunc("GET /v1/projects/home", answer(api.Project{Slug: "home"}))
	mux.HandleFunc("GET /v1/projects/home/scripts/a/versions", answer(api.Page[api.Version]{}))
	mux.HandleFunc("POST /v1/projects/home/versions", func(w http.ResponseWriter, _ *http.Request) {
		answer(api.MadeVersions{Versions: []api.MadeVersion{{Script: "a", Version: 1, Digest: digest}}})(w, nil)
	})
	mux.HandleFunc("POST /v1/projects/home/deployments", func(w http.ResponseWriter, _ *http.Request) {
		flipped = true
		answer(api.MadeDeployment{})(w, nil)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	at := target{Client: &api.Client{URL: s.URL}, project: "home"}
	d := deploy{project: project{Name: "home", Scripts: []versions.Script{script}}, compiler: files}

	if _, err := d.run(t.Context(), at); explain(err).Code != "digest_mismatch" || flipped {
		t.Fatalf("%v; activated: %v", err, flipped)
	}
	digest = versions.Digest(script, files)
	if _, err := d.run(t.Context(), at); err != nil || !flipped {
		t.Fatalf("same digest: %v; activated: %v", err, flipped)
	}
}

func TestExpectations(t *testing.T) {
	t.Parallel()
	p := project{Scripts: []versions.Script{{Name: "a"}, {Name: "b"}}}
	expect, err := parseExpect([]string{"a=v3", "b=none"}, p)
	if err != nil || *expect["a"] != 3 || expect["b"] != nil || len(expect) != 2 {
		t.Errorf("%v, %v", expect, err)
	}
	for text, exit := range map[string]int{"a": 2, "a=": 2, "a=v0": 2, "a=latest": 2, "c=v1": 1} {
		if _, err := parseExpect([]string{text}, p); exitCode(err) != exit {
			t.Errorf("%s: %v exits %d", text, err, exitCode(err))
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"90s": "1m30s", "1h": "1h0m0s", "7d": "168h0m0s"} {
		var d duration
		if err := d.Set(text); err != nil || d.String() != want {
			t.Errorf("%s is %s, %v", text, &d, err)
		}
	}
	for _, text := range []string{"", "1", "-1h", "d", "-1d", "1.5d", "99999d"} {
		if err := new(duration).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
