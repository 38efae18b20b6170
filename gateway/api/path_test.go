package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPanicEndsOneRequestOnly(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	m := &mux{log: slog.New(slog.NewTextHandler(&log, nil))}
	m.HandleFunc("GET /boom/{what}", func(http.ResponseWriter, *http.Request) { panic(errors.New("secret")) })

	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/boom/tat_token", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret") ||
		strings.Contains(log.String(), "tat_token") || !strings.Contains(log.String(), "boom/{what}") {
		t.Errorf("%d %s, logged %q", w.Code, w.Body, log.String())
	}

	log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() {
		if recover() != http.ErrAbortHandler || log.Len() > 0 {
			t.Errorf("for a caller who left: logged %q", log.String())
		}
	}()
	m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/boom/x", nil).WithContext(ctx))
}

// FuzzPath sends any path to the table: it must not panic, redirect or hand on
// what is no UTF-8 text.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/v1/p/home/kv/a%2Fb", "/v1/p//kv/", "/v1/p/../kv/..", "/v1/p/%00/kv/%FF", "//", "", "/v1/p/%zz/kv/+"} {
		f.Add(path)
	}
	m := &mux{}
	var project, key string
	m.HandleFunc("GET /v1/p/{p}/kv/{key}", func(_ http.ResponseWriter, r *http.Request) {
		project, key = r.PathValue("p"), r.PathValue("key")
	})
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		project, key = "", ""
		w := httptest.NewRecorder()
		m.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Header: http.Header{}})
		switch w.Code {
		case 200:
			for _, text := range []string{project, key} {
				if text == "" || !utf8.ValidString(text) || containsNUL(text) {
					t.Fatalf("%q: took %q", path, text)
				}
			}
			again := segments(u.EscapedPath())
			if got, err := unescape(again[len(again)-1]); err != nil || got != key {
				t.Fatalf("%q: key %q, %v", path, got, err)
			}
		case 400, 404:
		default:
			t.Fatalf("%q: status %d", path, w.Code)
		}
	})
}

func containsNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

// FuzzKey checks that every key that can be asked for comes back from its path.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"a", "..", "a/b", "%2F", "é", "+ ?#"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" || !utf8.ValidString(key) || containsNUL(key) {
			return
		}
		u, err := url.Parse("http://h" + keyPath("p", "d", key))
		if err != nil {
			t.Fatal(err)
		}
		parts := segments(u.EscapedPath())
		if len(parts) != 7 {
			t.Fatalf("%q makes %d segments", key, len(parts))
		}
		if got, err := unescape(parts[6]); err != nil || got != key {
			t.Fatalf("%q came back as %q, %v", key, got, err)
		}
	})
}
