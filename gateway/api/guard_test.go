package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
)

func TestEveryBadTokenGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	deviceToken := s.addDevice("lamp", "light").Token
	unknown, _ := auth.New(auth.APIToken)
	var first string
	for name, header := range map[string]string{
		"none":         "",
		"device token": "Bearer " + deviceToken,
		"unknown":      "Bearer " + unknown,
		"malformed":    "Bearer tat_x",
		"other scheme": "Basic " + s.Token,
		"no scheme":    s.Token,
	} {
		got := s.do("GET", "/v1/projects", "", "Authorization", header)
		s.refused(got, 401, "unauthorized")
		if got.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
		if first == "" {
			first = got.text
		}
		if got.text != first {
			t.Errorf("%s: %s differs from %s", name, got.text, first)
		}
		if header != "" && strings.Contains(got.text, header[len(header)-6:]) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
}

func TestRevokedTokenOpensNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, hash := auth.New(auth.APIToken)
	p, err := s.db.AddToken(t.Context(), hash, auth.Principal{Name: "x", Owner: "default", Scopes: []auth.Scope{auth.Read}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.as(token).Projects(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.db.RemoveToken(t.Context(), "default", "", p.TokenID); err != nil {
		t.Fatal(err)
	}
	_, err = s.as(token).Projects(t.Context(), 0, 0)
	wantCode(t, err, 401, "unauthorized")
}

func TestTwoCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/projects", nil)
	req.Header["Authorization"] = []string{"Bearer " + s.Token, "Bearer " + s.Token}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestScopeDecidesWhatATokenMayDo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	read := s.as(s.newToken(auth.Principal{Name: "r", Scopes: []auth.Scope{auth.Read}}))
	deploy := s.as(s.newToken(auth.Principal{Name: "d", Scopes: []auth.Scope{auth.Deploy}}))
	attach := s.as(s.newToken(auth.Principal{Name: "c", Scopes: []auth.Scope{auth.Attach}}))

	if _, err := read.Device(t.Context(), "home", "lamp"); err != nil {
		t.Errorf("read reads: %v", err)
	}
	wantCode(t, read.PutPair(t.Context(), "home", "lamp", "k", []byte("1"), 0), 403, "forbidden")
	if err := deploy.PutPair(t.Context(), "home", "lamp", "k", []byte("1"), 0); err != nil {
		t.Errorf("deploy writes: %v", err)
	}
	wantCode(t, deploy.RemoveDevice(t.Context(), "home", "lamp"), 403, "forbidden")
	_, err := attach.Device(t.Context(), "home", "lamp")
	wantCode(t, err, 403, "forbidden")
}

func TestForeignThingsAreMissing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := s.CreateProject(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	home, err := s.Project(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	narrow := s.as(s.newToken(auth.Principal{Name: "n", Project: home.ID, Scopes: []auth.Scope{auth.Admin}}))
	list, err := narrow.Projects(t.Context(), 0, 0)
	if err != nil || len(list.Items) != 1 || list.Items[0].Slug != "home" {
		t.Errorf("sees %+v, %v", list, err)
	}
	foreign := s.do("GET", "/v1/projects/other", "", "Authorization", "Bearer "+narrow.Token)
	missing := s.do("GET", "/v1/projects/nowhere", "", "Authorization", "Bearer "+narrow.Token)
	s.refused(foreign, 404, "not_found")
	if foreign.text != missing.text {
		t.Errorf("foreign %s, missing %s", foreign.text, missing.text)
	}
	_, err = narrow.CreateProject(t.Context(), "third")
	wantCode(t, err, 403, "forbidden")
}
