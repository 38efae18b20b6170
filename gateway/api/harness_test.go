package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/versions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is the API over a real database and a real dispatcher. Its compiler
// takes the text of the main file for the bundle.
type server struct {
	t testing.TB
	*api.Client
	db      *sqlite.DB
	log     *lockedText
	ready   atomic.Bool
	mu      sync.Mutex
	online  map[string]bool
	flipped []string
	moved   []string
	revoked []string
	removed []device.Key
	handler http.Handler
}

// newServer starts a server with a project "home" and a client with the token of
// an admin.
func newServer(t testing.TB) *server {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dispatcher := dispatch.New(dispatch.Config{Store: db, Catalog: db, Epoch: db.Epoch()})
	s := &server{t: t, db: db, log: &lockedText{}, online: map[string]bool{}}
	s.ready.Store(true)
	handler, err := api.New(api.Config{
		Gate: auth.Gate{Tokens: db}, Tokens: db, Owners: db, Projects: db, Devices: db, Sessions: s, Pairs: db, Logs: db, History: db,
		Deployer: versions.Deployer{Compiler: plainCompiler{}, Trial: plainCompiler{}, Store: db, Known: db},
		Control:  dispatcher, Changes: s, Presence: s,
		Ready: func(context.Context) bool { return s.ready.Load() },
		Log:   slog.New(slog.NewTextHandler(s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = handler
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		web.Close()
		dispatcher.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Client = &api.Client{URL: web.URL, HTTP: web.Client()}
	s.Token = s.newToken(auth.Principal{Name: "ci", Scopes: []auth.Scope{auth.Admin}})
	if _, err := s.CreateProject(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	return s
}

// newToken stores a token of the default owner.
func (s *server) newToken(p auth.Principal) string {
	s.t.Helper()
	if p.Owner == "" {
		p.Owner = "default"
	}
	token, hash := auth.New(auth.APIToken)
	if _, err := s.db.AddToken(s.t.Context(), hash, p, 0); err != nil {
		s.t.Fatal(err)
	}
	return token
}

// as is the client of another token.
func (s *server) as(token string) *api.Client {
	return &api.Client{URL: s.URL, HTTP: s.HTTP, Token: token}
}

func (s *server) Connected(key device.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.online[key.ID]
}

func (s *server) Flipped(_ string, scripts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flipped = append(s.flipped, scripts...)
}

func (s *server) Moved(keys []device.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.moved = append(s.moved, key.ID)
	}
}

func (s *server) Revoke(credentials ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, credentials...)
}

func (s *server) Removed(key device.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = append(s.removed, key)
}

// addDevice makes a device of the project "home".
func (s *server) addDevice(id, script string) api.MadeDevice {
	s.t.Helper()
	made, err := s.CreateDevice(s.t.Context(), "home", api.NewDevice{DeviceID: id, Script: script})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// upload makes a version of one script with this text.
func (s *server) upload(script, text string) api.MadeVersion {
	s.t.Helper()
	made, err := s.MakeVersions(s.t.Context(), "home", api.NewVersions{
		Files:   map[string]string{script + ".ts": text},
		Scripts: map[string]api.ScriptSource{script: {Main: script + ".ts"}},
		Message: "upload " + text,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Versions[0]
}

// answer is a raw answer.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) code() any { return a.body["code"] }

// do makes a request with the admin token; headers are names and values in turn,
// and an empty value removes one. The path is sent as it is.
func (s *server) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	path, query, _ := strings.Cut(path, "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = plain, path, query
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(data)}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a.body); err != nil {
			s.t.Fatalf("%s %s: answer %q: %v", method, path, data, err)
		}
	}
	return a
}

// refused checks status and code of an error and the shape that all share.
func (s *server) refused(a answer, status int, code string) {
	s.t.Helper()
	if a.status != status || a.code() != code {
		s.t.Errorf("got %d %s, want %d %s", a.status, a.text, status, code)
		return
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		s.t.Errorf("content type %q", got)
	}
	if a.body["success"] != false || a.body["error"] == "" || a.body["error"] != a.body["detail"] ||
		a.body["title"] != http.StatusText(status) || a.body["status"] != float64(status) {
		s.t.Errorf("problem %s", a.text)
	}
}

// wantCode checks what a client's call was refused with.
func wantCode(t testing.TB, err error, status int, code string) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || e.Message == "" {
		t.Errorf("error %#v, want %d %s", err, status, code)
	}
}

// plainCompiler makes bundles of main files, and tries them, by looking for
// words in them.
type plainCompiler struct{}

func (plainCompiler) Compile(_ context.Context, files []versions.File, script versions.Script) (versions.Bundle, error) {
	for _, f := range files {
		if f.Path != script.Main {
			continue
		}
		if strings.Contains(string(f.Data), "syntax error") {
			return versions.Bundle{}, &versions.SourceError{
				File: f.Path, Line: 3, Column: 7, Message: `unexpected "}"`, Frame: "  3 | }\n    | ^", More: 2,
			}
		}
		return versions.Bundle{Code: f.Data, SourceMap: []byte("{}"), Inputs: []string{f.Path}, Compiler: "plain 1"}, nil
	}
	return versions.Bundle{}, errors.New("main file is missing")
}

func (plainCompiler) Try(_ context.Context, _ versions.Script, b versions.Bundle) (versions.Report, error) {
	if strings.Contains(string(b.Code), "disk gone") {
		return versions.Report{}, errors.New("secret path /var/disk")
	}
	return versions.Report{Handlers: []string{"onMessage"}}, nil
}

// lockedText is a log that several goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
