package api_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

func TestTokenIsShownOnceAndOpensWhatItSays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	later := time.Now().Add(time.Hour).UnixMilli()
	got := s.do("POST", "/v1/tokens", `{"name":"ci","scopes":["deploy","connect"],"project":"home","expires_at":`+strconv.FormatInt(later, 10)+`}`)
	if got.status != 201 || got.body["project"] != "home" || got.body["expires_at"] != float64(later) || got.body["name"] != "ci" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	secret, _ := got.body["token"].(string)
	if kind, _, err := auth.Check(secret); err != nil || kind != auth.APIToken {
		t.Fatalf("the token is a %q, %v", kind, err)
	}
	ci := s.as(secret)
	if list, err := ci.Projects(t.Context(), 0, 0); err != nil || len(list.Items) != 1 {
		t.Errorf("it sees %+v, %v", list.Items, err)
	}
	_, err := ci.Tokens(t.Context(), 0, 0)
	wantCode(t, err, 403, "forbidden")

	list := s.do("GET", "/v1/tokens", "")
	if list.status != 200 || strings.Contains(list.text, secret) || strings.Contains(list.text, "hash") {
		t.Fatalf("%d %s", list.status, list.text)
	}
	items := list.body["items"].([]any)
	row := items[0].(map[string]any)
	if len(items) != 2 || row["id"] != got.body["id"] || row["project"] != "home" || len(row) != 6 {
		t.Errorf("list %s", list.text)
	}
	if err := s.RemoveToken(t.Context(), got.body["id"].(string)); err != nil {
		t.Fatal(err)
	}
	_, err = ci.Projects(t.Context(), 0, 0)
	wantCode(t, err, 401, "unauthorized")
	if len(s.revoked) != 1 || s.revoked[0] != got.body["id"] {
		t.Errorf("its sessions were told %q", s.revoked)
	}
	wantCode(t, s.RemoveToken(t.Context(), got.body["id"].(string)), 404, "not_found")
}

func TestTokenRequestsAreJudged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for body, want := range map[string]struct {
		status int
		code   string
		says   string
	}{
		`{"scopes":["read"]}`:                                    {400, "invalid_request", "name"},
		`{"name":"","scopes":["read"]}`:                          {400, "invalid_request", "name"},
		`{"name":"a\u0000","scopes":["read"]}`:                   {400, "invalid_request", "name"},
		`{"name":"a\nlevel=error","scopes":["read"]}`:            {400, "invalid_request", "name"},
		`{"name":" a","scopes":["read"]}`:                        {400, "invalid_request", "name"},
		`{"name":"` + strings.Repeat("é", 65) + `","scopes":[]}`: {400, "invalid_request", "name"},
		`{"name":"a","scopes":[]}`:                               {400, "invalid_request", "scopes"},
		`{"name":"a","scopes":null}`:                             {400, "invalid_request", "scopes"},
		`{"name":"a","scopes":["root"]}`:                         {400, "invalid_request", "scopes"},
		`{"name":"a","scopes":["read","read"]}`:                  {400, "invalid_request", "scopes"},
		`{"name":"a","scopes":["read"],"project":"nowhere"}`:     {404, "not_found", "project"},
		`{"name":"a","scopes":["read"],"project":""}`:            {400, "invalid_request", "project"},
		`{"name":"a","scopes":["read"],"expires_at":1}`:          {400, "invalid_request", "expires_at"},
		`{"name":"a","scopes":["read"],"owner":"acme"}`:          {400, "invalid_request", "owner"},
		`{"name":"a","scopes":["read"],"id":"x"}`:                {400, "invalid_request", "id"},
		`{"name":"a","scopes":["read"],"token":"tat_x"}`:         {400, "invalid_request", "token"},
	} {
		got := s.do("POST", "/v1/tokens", body)
		s.refused(got, want.status, want.code)
		if text, _ := got.body["error"].(string); !strings.Contains(text, want.says) {
			t.Errorf("%s: says %q, nothing of %s", body, text, want.says)
		}
	}
	if list, err := s.Tokens(t.Context(), 0, 0); err != nil || len(list.Items) != 1 {
		t.Errorf("a refused request made a token: %+v, %v", list.Items, err)
	}
}

func TestAdminOfAProjectMakesTokensForItOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, slug := range []string{"garden", "shed"} {
		if _, err := s.CreateProject(t.Context(), slug); err != nil {
			t.Fatal(err)
		}
	}
	garden, shed := "garden", "shed"
	made, err := s.CreateToken(t.Context(), api.NewToken{Name: "gardener", Scopes: []string{"admin"}, Project: &garden})
	if err != nil {
		t.Fatal(err)
	}
	wide, err := s.CreateToken(t.Context(), api.NewToken{Name: "wide", Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	gardener := s.as(made.Secret)
	_, err = gardener.CreateToken(t.Context(), api.NewToken{Name: "x", Scopes: []string{"read"}})
	wantCode(t, err, 403, "forbidden")
	_, err = gardener.CreateToken(t.Context(), api.NewToken{Name: "x", Scopes: []string{"read"}, Project: &shed})
	wantCode(t, err, 404, "not_found")
	if _, err := gardener.CreateToken(t.Context(), api.NewToken{Name: "x", Scopes: []string{"read"}, Project: &garden}); err != nil {
		t.Error(err)
	}
	if list, err := gardener.Tokens(t.Context(), 0, 0); err != nil || len(list.Items) != 2 {
		t.Errorf("sees %+v, %v", list.Items, err)
	}
	foreign := s.do("DELETE", "/v1/tokens/"+wide.ID, "", "Authorization", "Bearer "+made.Secret)
	missing := s.do("DELETE", "/v1/tokens/nothing", "", "Authorization", "Bearer "+made.Secret)
	if foreign.status != 404 || foreign.text != missing.text {
		t.Errorf("foreign %d %s, missing %d %s", foreign.status, foreign.text, missing.status, missing.text)
	}
	_, err = gardener.CreateOwner(t.Context(), "acme")
	wantCode(t, err, 403, "forbidden")
}

func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	list, err := s.Tokens(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.RemoveToken(t.Context(), list.Items[0].ID), 409, "last_admin")
	if _, err := s.CreateToken(t.Context(), api.NewToken{Name: "second", Scopes: []string{"admin"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveToken(t.Context(), list.Items[0].ID); err != nil {
		t.Error(err)
	}
}

func TestOwnersDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme, err := s.CreateOwner(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateOwner(t.Context(), "acme")
	wantCode(t, err, 409, "exists")
	_, err = s.CreateOwner(t.Context(), "A")
	wantCode(t, err, 400, "invalid_owner")
	if list, err := s.Owners(t.Context(), 0, 0); err != nil || len(list.Items) != 2 || list.Items[0].Name != "acme" {
		t.Errorf("owners %+v, %v", list.Items, err)
	}
	theirs := s.as(acme.Token)
	_, err = theirs.Owners(t.Context(), 0, 0)
	wantCode(t, err, 403, "forbidden")
	_, err = theirs.CreateOwner(t.Context(), "evil")
	wantCode(t, err, 403, "forbidden")
	if list, err := theirs.Projects(t.Context(), 0, 0); err != nil || len(list.Items) != 0 {
		t.Errorf("the new owner sees %+v, %v", list.Items, err)
	}
	if _, err := theirs.CreateProject(t.Context(), "home"); err != nil {
		t.Errorf("its own home: %v", err)
	}
	if list, err := theirs.Tokens(t.Context(), 0, 0); err != nil || len(list.Items) != 1 {
		t.Errorf("its tokens %+v, %v", list.Items, err)
	}
	mine, err := s.Tokens(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, theirs.RemoveToken(t.Context(), mine.Items[0].ID), 404, "not_found")
}

func TestRotationAndRemovalEndSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first := s.addDevice("lamp", "light").Token
	_, hash, err := auth.Check(first)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if len(s.revoked) != 0 {
			t.Error("the first rotation ended a token")
		}
		if _, err := s.IssueToken(t.Context(), "home", "lamp", true); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.revoked) != 1 || s.revoked[0] != auth.Credential(hash) {
		t.Errorf("%d sessions were told", len(s.revoked))
	}
	if err := s.RemoveDevice(t.Context(), "home", "lamp"); err != nil {
		t.Fatal(err)
	}
	if len(s.removed) != 1 || s.removed[0].ID != "lamp" {
		t.Errorf("removed %v", s.removed)
	}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	const logs = "/v1/projects/home/devices/lamp/logs?"
	for _, query := range []string{
		"limit=-1", "limit=0", "limit=1e9", "limit=abc", "limit=1001", "limit=1&limit=1", "limit=%zz", "limit=1;level=info", "colour=red",
		"level=%FF", "level=in%00fo", "=1", "&", "cursor=x", "since=-1", "LIMIT=1", strings.Repeat("limit=1&", 10_000) + "limit=1",
	} {
		if got := s.do("GET", logs+query, ""); got.status != 400 {
			t.Errorf("%.40q: %d %s", query, got.status, got.text)
		}
	}
	if got := s.do("GET", logs+"limit=1&level=info", ""); got.status != 200 {
		t.Errorf("a good one: %d %s", got.status, got.text)
	}
	// What would mean something to a database is text.
	for _, id := range []string{"'%20OR%201=1--", "%25", "_", "*"} {
		if got := s.do("GET", "/v1/projects/home/devices/lamp/kv?prefix="+id, ""); got.status != 200 || len(got.body["items"].([]any)) != 0 {
			t.Errorf("prefix %s: %d %s", id, got.status, got.text)
		}
		if got := s.do("GET", "/v1/projects/"+id, ""); got.status != 404 {
			t.Errorf("project %s: %d", id, got.status)
		}
	}
}
