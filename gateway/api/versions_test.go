package api_test

import (
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

func TestUploadMakesVersionsInTheirShape(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const body = `{"files":{"src/a.ts":"let a","b.ts":"let b"},"scripts":{"beta":{"main":"b.ts"},"alpha":{"main":"src/a.ts","export":"A"}},"message":"first"}`
	got := s.do("POST", "/v1/projects/home/versions", body)
	if got.status != 201 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	made, _ := got.body["versions"].([]any)
	if len(made) != 2 {
		t.Fatalf("made %s", got.text)
	}
	row, _ := made[0].(map[string]any)
	digest := versions.Digest(versions.Script{Main: "src/a.ts", Export: "A"}, []versions.File{{Path: "src/a.ts", Data: []byte("let a")}})
	if row["script"] != "alpha" || row["version"] != 1.0 || row["digest"] != digest || row["created"] != true || row["size"] != 5.0 || row["compiler"] != "plain 1" {
		t.Errorf("row %v", row)
	}
	if uuid, _ := row["uuid"].(string); len(uuid) != 36 {
		t.Errorf("uuid %q", uuid)
	}
	if !strings.Contains(got.text, `"handlers":["onMessage"],"crons":[]`) {
		t.Errorf("made %s", got.text)
	}
	again := s.do("POST", "/v1/projects/home/versions", strings.Replace(body, "let b", "let c", 1))
	if !strings.Contains(again.text, `"script":"alpha","version":1,`) || !strings.Contains(again.text, `"script":"beta","version":2,`) ||
		strings.Count(again.text, `"created":true`) != 1 {
		t.Errorf("again %s", again.text)
	}
	if len(s.flipped) != 0 {
		t.Error("an upload made something live")
	}
}

func TestVersionsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, text := range []string{"one", "two", "three"} {
		s.upload("light", text)
	}
	if _, err := s.Deploy(t.Context(), "home", api.NewDeployment{Kind: versions.Deploy, Scripts: map[string]int{"light": 2}, Message: "go"}); err != nil {
		t.Fatal(err)
	}
	list, err := s.Versions(t.Context(), "home", "light", 1, 2)
	if err != nil || !list.HasMore || len(list.Items) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	newest, live := list.Items[0], list.Items[1]
	if newest.Version != 3 || newest.Active || newest.Message != "upload three" || newest.Author != "ci" || newest.Size != 5 || newest.CreatedAt < 1e12 {
		t.Errorf("newest %+v", newest)
	}
	if live.Version != 2 || !live.Active || live.Message != "go" {
		t.Errorf("live %+v", live)
	}
	_, err = s.Versions(t.Context(), "home", "ghost", 0, 0)
	wantCode(t, err, 404, "not_found")
}

func TestSourceErrorPointsIntoTheSource(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, err := s.MakeVersions(t.Context(), "home", api.NewVersions{
		Files:   map[string]string{"a.ts": "fine", "b.ts": "syntax error"},
		Scripts: map[string]api.ScriptSource{"a": {Main: "a.ts"}, "b": {Main: "b.ts"}},
	})
	wantCode(t, err, 422, "compile_error")
	e := err.(*api.Error)
	if e.Script != "b" || e.File != "b.ts" || e.Line != 3 || e.Column != 7 || e.More != 2 || !strings.Contains(e.Frame, "^") || e.Message != `unexpected "}"` {
		t.Errorf("error %+v", e)
	}
	_, err = s.Versions(t.Context(), "home", "a", 0, 0)
	wantCode(t, err, 404, "not_found")
}

func TestUploadsThatCannotBeOneAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no script":         {`{"files":{"a.ts":"a"},"scripts":{}}`, 400, "invalid_upload"},
		"bad script name":   {`{"files":{"a.ts":"a"},"scripts":{"A":{"main":"a.ts"}}}`, 400, "invalid_upload"},
		"no main":           {`{"files":{"a.ts":"a"},"scripts":{"a":{}}}`, 400, "invalid_request"},
		"missing main":      {`{"files":{"a.ts":"a"},"scripts":{"a":{"main":"b.ts"}}}`, 422, "compile_error"},
		"outside":           {`{"files":{"../a.ts":"a"},"scripts":{"a":{"main":"../a.ts"}}}`, 422, "compile_error"},
		"file twice":        {`{"files":{"a.ts":"a","a.ts":"b"},"scripts":{"a":{"main":"a.ts"}}}`, 400, "duplicate_key"},
		"file no text":      {`{"files":{"a.ts":1},"scripts":{"a":{"main":"a.ts"}}}`, 400, "invalid_request"},
		"unknown in script": {`{"files":{"a.ts":"a"},"scripts":{"a":{"main":"a.ts","Main":"b.ts"}}}`, 400, "invalid_request"},
		"other digest":      {`{"files":{"a.ts":"a"},"scripts":{"a":{"main":"a.ts","digest":"00"}}}`, 422, "digest_mismatch"},
		"long message":      {`{"files":{"a.ts":"a"},"scripts":{"a":{"main":"a.ts"}},"message":"` + strings.Repeat("m", 5000) + `"}`, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { s.refused(s.do("POST", "/v1/projects/home/versions", c.body), c.status, c.code) })
	}
}

func TestLargeUploadIsTaken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	files := map[string]string{"a.ts": "a"}
	for _, name := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		files["big"+name+".ts"] = strings.Repeat("line of source\n", 69_000)
	}
	_, err := s.MakeVersions(t.Context(), "home", api.NewVersions{Files: files, Scripts: map[string]api.ScriptSource{"a": {Main: "a.ts"}}})
	if err != nil {
		t.Error(err)
	}
}

func TestOurOwnFaultIsLoggedAndNotTold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got := s.do("POST", "/v1/projects/home/versions", `{"files":{"a.ts":"disk gone"},"scripts":{"a":{"main":"a.ts"}}}`)
	s.refused(got, 500, "internal")
	if strings.Contains(got.text, "/var/disk") {
		t.Errorf("told %s", got.text)
	}
	if !strings.Contains(s.log.String(), "/var/disk") || !strings.Contains(s.log.String(), "make-versions") {
		t.Errorf("logged %q", s.log.String())
	}
}
