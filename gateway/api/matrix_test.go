package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

// The matrix walks the route table: a route that is added later is judged by the
// same rules without a line here.

// methods are all that a client could come with.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}

// matrix is a server with a credential for every cell.
type matrix struct {
	*server
	routes  []api.Route
	invalid map[string]string                // Authorization headers that open nothing
	scoped  map[auth.Scope]string            // tokens of home's owner with one scope
	foreign map[string]map[auth.Scope]string // tokens with one scope that do not see home
}

var scopes = []auth.Scope{auth.Admin, auth.Deploy, auth.Read, auth.Attach}

func newMatrix(t *testing.T) *matrix {
	s := newServer(t)
	m := &matrix{server: s, routes: api.Routes(s.handler)}
	lamp := s.addDevice("lamp", "light").Token
	other, err := s.CreateProject(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	acme, err := s.CreateOwner(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.as(acme.Token).CreateProject(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	revoked, err := s.CreateToken(t.Context(), api.NewToken{Name: "revoked", Scopes: []string{"admin", "connect"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveToken(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	expired, hash := auth.New(auth.APIToken)
	everything := auth.Principal{Name: "expired", Owner: auth.DefaultOwner, Scopes: scopes}
	if _, err := s.db.AddToken(t.Context(), hash, everything, time.Now().UnixMilli()-1); err != nil {
		t.Fatal(err)
	}
	unknown, _ := auth.New(auth.APIToken)
	unknownDevice, _ := auth.New(auth.DeviceToken)
	provision, _ := auth.New(auth.ProvisionToken)
	m.invalid = map[string]string{
		"none": "", "malformed": "Bearer tat_x", "empty": "Bearer ", "other scheme": "Basic " + s.Token, "bare": s.Token,
		"bad checksum": "Bearer " + s.Token[:len(s.Token)-1] + "!", "unknown": "Bearer " + unknown,
		"expired": "Bearer " + expired, "revoked": "Bearer " + revoked.Secret,
		"device token": "Bearer " + lamp, "unknown device token": "Bearer " + unknownDevice, "provisioning token": "Bearer " + provision,
	}
	m.scoped = map[auth.Scope]string{}
	m.foreign = map[string]map[auth.Scope]string{"project": {}, "owner": {}}
	for _, scope := range scopes {
		one := []auth.Scope{scope}
		m.scoped[scope] = s.newToken(auth.Principal{Name: "one scope", Scopes: one})
		m.foreign["project"][scope] = s.newToken(auth.Principal{Name: "other project", Project: other.ID, Scopes: one})
		// Its own project "home" has no device.
		m.foreign["owner"][scope] = s.newToken(auth.Principal{Name: "other owner", Owner: acme.ID, Scopes: one})
	}
	return m
}

// ask makes a request of a route with an Authorization header. The body would not
// be taken: who may not come in hears nothing of it.
func (m *matrix) ask(method, path, authorization string) answer {
	m.t.Helper()
	return m.do(method, path, "", "Authorization", authorization)
}

// fill puts names into a pattern; those of a later route are any.
func fill(pattern, project, device string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		switch {
		case part == "{p}":
			parts[i] = project
		case part == "{d}":
			parts[i] = device
		case strings.HasPrefix(part, "{"):
			parts[i] = "x"
		}
	}
	return strings.Join(parts, "/")
}

func TestMatrixNothingIsAnsweredBesideTheTable(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	if n := api.Answered(m.handler); n != len(m.routes) || n < 20 {
		t.Errorf("%d patterns are answered, %d are in the table", n, len(m.routes))
	}
	for _, r := range m.routes {
		if r.Scope == "" && r.Path != "/health" && r.Path != "/ready" && r.Path != "/v1/openapi.json" {
			t.Errorf("%s %s is open to everybody", r.Method, r.Path)
		}
	}
}

func TestMatrixInvalidCredentials(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	body := ""
	for _, r := range m.routes {
		for name, header := range m.invalid {
			got := m.ask(r.Method, fill(r.Path, "home", "lamp"), header)
			if r.Scope == "" {
				if got.status != 200 {
					t.Errorf("%s %s with %s: %d", r.Method, r.Path, name, got.status)
				}
				continue
			}
			if body == "" {
				body = got.text
			}
			if got.status != 401 || got.text != body || got.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s %s with %s: %d %s", r.Method, r.Path, name, got.status, got.text)
			}
		}
	}
	if _, err := m.Device(t.Context(), "home", "lamp"); err != nil {
		t.Errorf("the device after all that: %v", err)
	}
}

func TestMatrixScopes(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for _, r := range m.routes {
		for _, scope := range scopes {
			// Nothing is there under these names, so that nothing happens.
			got := m.ask(r.Method, fill(r.Path, "home", "nobody"), "Bearer "+m.scoped[scope])
			may := r.Scope == "" || auth.Principal{Scopes: []auth.Scope{scope}}.May(r.Scope)
			switch {
			case !may && (got.status != 403 || got.code() != "forbidden"):
				t.Errorf("%s %s with %s: %d %s", r.Method, r.Path, scope, got.status, got.text)
			case may && (got.status == 401 || got.status == 403 || got.status >= 500):
				t.Errorf("%s %s with %s: %d %s", r.Method, r.Path, scope, got.status, got.text)
			}
		}
	}
}

func TestMatrixForeignIsMissing(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for _, r := range m.routes {
		if !strings.Contains(r.Path, "{p}") {
			continue
		}
		for whose, tokens := range m.foreign {
			for scope, token := range tokens {
				if !(auth.Principal{Scopes: []auth.Scope{scope}}).May(r.Scope) {
					if got := m.ask(r.Method, fill(r.Path, "home", "lamp"), "Bearer "+token); got.status != 403 {
						t.Errorf("%s %s with %s of another %s: %d", r.Method, r.Path, scope, whose, got.status)
					}
					continue
				}
				slug := "home"
				if whose == "owner" {
					slug = "other" // home is one of its own too
				}
				got := m.ask(r.Method, fill(r.Path, slug, "lamp"), "Bearer "+token)
				missing := m.ask(r.Method, fill(r.Path, "nowhere", "lamp"), "Bearer "+token)
				if got.status != 404 || got.text != missing.text || missing.status != 404 {
					t.Errorf("%s %s with %s of another %s: %d %s, missing %d %s",
						r.Method, r.Path, scope, whose, got.status, got.text, missing.status, missing.text)
				}
			}
		}
		// What an owner calls home is not what another calls so.
		if strings.Contains(r.Path, "{d}") {
			got := m.ask(r.Method, fill(r.Path, "home", "lamp"), "Bearer "+m.foreign["owner"][auth.Admin])
			missing := m.ask(r.Method, fill(r.Path, "home", "nobody"), "Bearer "+m.foreign["owner"][auth.Admin])
			if got.status == 200 && len(got.body["items"].([]any)) > 0 || got.status != missing.status || got.text != missing.text {
				t.Errorf("%s %s of the other home: %d %s, missing %d %s", r.Method, r.Path, got.status, got.text, missing.status, missing.text)
			}
		}
	}
	if _, err := m.Device(t.Context(), "home", "lamp"); err != nil {
		t.Errorf("the device after all that: %v", err)
	}
}

func TestMatrixMethods(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	known := map[string][]string{}
	for _, r := range m.routes {
		known[r.Path] = append(known[r.Path], r.Method)
	}
	headers := []string{"", m.invalid["malformed"], m.invalid["device token"], "Bearer " + m.Token}
	for path, have := range known {
		for _, method := range methods {
			if slices.Contains(have, method) || method == "HEAD" && slices.Contains(have, "GET") {
				continue
			}
			for _, header := range headers {
				got := m.ask(method, fill(path, "home", "lamp"), header)
				want := http.StatusMethodNotAllowed
				if method == "OPTIONS" {
					want = http.StatusNoContent
				}
				if got.status != want || !strings.Contains(got.header.Get("Allow"), have[0]) {
					t.Errorf("%s %s: %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
				}
			}
		}
	}
}
