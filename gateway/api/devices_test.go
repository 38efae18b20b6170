package api_test

import (
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/versions"
)

// place is a deployment that makes one device, without a token.
func place(s *server, id, script string) versions.Request {
	s.t.Helper()
	p, err := s.Project(s.t.Context(), "home")
	if err != nil {
		s.t.Fatal(err)
	}
	return versions.Request{Project: p.ID, Kind: versions.Deploy, Devices: []versions.Placement{{Device: id, Script: script}}}
}

func TestProjectsAreMadeOnceAndListedBySlug(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got := s.do("POST", "/v1/projects", `{"project_slug":"attic"}`)
	if got.status != 201 || got.body["project_slug"] != "attic" || got.body["id"] == "" || got.body["created_at"].(float64) < 1e12 {
		t.Errorf("made %d %s", got.status, got.text)
	}
	_, err := s.CreateProject(t.Context(), "attic")
	wantCode(t, err, 409, "exists")
	for _, slug := range []string{"", "Attic", "9x", "a_b"} {
		_, err := s.CreateProject(t.Context(), slug)
		wantCode(t, err, 400, "invalid_project")
	}
	first := s.do("GET", "/v1/projects?per_page=1", "")
	if !strings.HasPrefix(first.text, `{"items":[{"id":`) || first.body["page"] != 1.0 || first.body["per_page"] != 1.0 || first.body["has_more"] != true {
		t.Errorf("page 1: %s", first.text)
	}
	second, err := s.Projects(t.Context(), 2, 1)
	if err != nil || len(second.Items) != 1 || second.Items[0].Slug != "home" || second.HasMore {
		t.Errorf("page 2: %+v, %v", second, err)
	}
	beyond := s.do("GET", "/v1/projects?page=9", "")
	if beyond.status != 200 || !strings.HasPrefix(beyond.text, `{"items":[],`) {
		t.Errorf("page 9: %s", beyond.text)
	}
}

func TestDeviceIsMadeWithTokenAndURL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.upload("light", "v1")
	got := s.do("POST", "/v1/projects/home/devices", `{"device_id":"lamp","script":"light"}`)
	if got.status != 201 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	token, _ := got.body["token"].(string)
	if _, _, err := auth.Check(token); err != nil || len(token) != 32 {
		t.Errorf("token of %d characters: %v", len(token), err)
	}
	if want := "ws" + strings.TrimPrefix(s.URL, "http") + "/v1/connect"; got.body["url"] != want {
		t.Errorf("url %v, want %s", got.body["url"], want)
	}
	id, isText := got.body["id"].(string)
	if !isText || id == "" || got.body["device_id"] != "lamp" || got.body["script"] != "light" || got.body["warning"] != nil {
		t.Errorf("made %s", got.text)
	}
	pass, err := auth.Gate{Tokens: s.db}.Admit(t.Context(), token)
	if err != nil || pass.Device.ID != "lamp" {
		t.Errorf("the token opens %v, %v", pass.Device, err)
	}
	_, err = s.CreateDevice(t.Context(), "home", api.NewDevice{DeviceID: "lamp", Script: "light"})
	wantCode(t, err, 409, "exists")
	_, err = s.CreateDevice(t.Context(), "nowhere", api.NewDevice{DeviceID: "lamp", Script: "light"})
	wantCode(t, err, 404, "not_found")
}

func TestDeviceOfAnUnknownScriptIsMadeWithAWarning(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if made := s.addDevice("lamp", "ghost"); !strings.Contains(made.Warning, "ghost") || made.Token == "" {
		t.Errorf("made %+v", made)
	}
}

func TestDeviceRowSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	got := s.do("GET", "/v1/projects/home/devices/lamp", "")
	if got.status != 200 || got.body["connected"] != false || got.body["script"] != "light" {
		t.Errorf("%d %s", got.status, got.text)
	}
	for _, member := range []string{`"last_seen":null`, `"metadata":null`} {
		if !strings.Contains(got.text, member) {
			t.Errorf("%s without %s", got.text, member)
		}
	}
	if strings.Contains(got.text, "token") || strings.Contains(got.text, "$schema") {
		t.Errorf("row %s", got.text)
	}
	s.mu.Lock()
	s.online["lamp"] = true
	s.mu.Unlock()
	list, err := s.Devices(t.Context(), "home", 0, 0)
	if err != nil || len(list.Items) != 1 || !list.Items[0].Connected || list.Items[0].DeviceID != "lamp" {
		t.Errorf("list %+v, %v", list, err)
	}
	for _, id := range []string{"nobody", strings.Repeat("a", 64)} {
		_, err := s.Device(t.Context(), "home", id)
		wantCode(t, err, 404, "not_found")
	}
	for _, id := range []string{"a.b", strings.Repeat("a", 65)} {
		_, err := s.Device(t.Context(), "home", id)
		wantCode(t, err, 400, "invalid_device")
	}
}

func TestRemovedDeviceIsGoneWithItsToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.addDevice("lamp", "light")
	if err := s.PutPair(t.Context(), "home", "lamp", "k", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	got := s.do("DELETE", "/v1/projects/home/devices/lamp", "")
	if got.status != 200 || got.body["deleted"] != true || got.body["device_id"] != "lamp" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if _, err := (auth.Gate{Tokens: s.db}).Admit(t.Context(), made.Token); err == nil {
		t.Error("the token still opens")
	}
	wantCode(t, s.RemoveDevice(t.Context(), "home", "lamp"), 404, "not_found")
	_, err := s.Pairs(t.Context(), "home", "lamp", api.PairQuery{})
	wantCode(t, err, 404, "not_found")
}

func TestTokenRotationKeepsTwoValid(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, _, err := s.db.Deploy(t.Context(), place(s, "lamp", "light")); err != nil {
		t.Fatal(err)
	}
	first, err := s.IssueToken(t.Context(), "home", "lamp", false)
	if err != nil || first.DeviceID != "lamp" {
		t.Fatalf("first: %+v, %v", first, err)
	}
	again := s.do("POST", "/v1/projects/home/devices/lamp/token", `{"rotate":false}`)
	s.refused(again, 409, "token_exists")
	if hint, _ := again.body["hint"].(string); !strings.Contains(hint, "--rotate") {
		t.Errorf("hint %q", hint)
	}
	tokens := []string{first.Token}
	for range 2 {
		next, err := s.IssueToken(t.Context(), "home", "lamp", true)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, next.Token)
	}
	for i, want := range []bool{false, true, true} {
		if _, err := (auth.Gate{Tokens: s.db}).Admit(t.Context(), tokens[i]); (err == nil) != want {
			t.Errorf("token %d: %v", i, err)
		}
	}
	_, err = s.IssueToken(t.Context(), "home", "nobody", true)
	wantCode(t, err, 404, "not_found")
}
