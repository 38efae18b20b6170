package api_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/versions"
)

// hostileNames are what an id must not be taken for.
var hostileNames = []string{
	"", " ", ".", "..", "a/b", `a\b`, "%2e%2e", "a\x00", "a\n", "a\t", "*", ">", "$KV", "a.b", "\u0430", "\uff41", "\u202ea", "a\u200d", "e\u0301",
	"\U0001f600", "__proto__", "constructor", "con", "-", "-a", "list", "show", "A", "a-", "a_b", "1a", strings.Repeat("a", 63), strings.Repeat("a", 64),
	strings.Repeat("a", 65), strings.Repeat("ß", 64), "' OR 1=1--", "tdt_x", "\xff",
}

// FuzzIDs compares the parsers of names with the grammar that is written down.
func FuzzIDs(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	id := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	slug := regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	reserved := regexp.MustCompile(`^(show|diff|pull|release|list)$`)
	f.Fuzz(func(t *testing.T, text string) {
		fits := func(what string, want bool, got string, err error) {
			t.Helper()
			// $ of a grammar is the end, not a last newline.
			want = want && !strings.HasSuffix(text, "\n")
			if (err == nil) != want || err == nil && got != text || err != nil && len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("%s %q: %q, %v", what, text, got, err)
			}
		}
		got, err := device.ParseID(text)
		fits("device id", id.MatchString(text), got, err)
		got, err = auth.ParseSlug(text)
		fits("slug", slug.MatchString(text), got, err)
		got, err = auth.ParseOwner(text)
		fits("owner", slug.MatchString(text), got, err)
		if _, err = versions.ParseScript(text); (err == nil) != (slug.MatchString(text) && !reserved.MatchString(text)) {
			t.Errorf("script %q: %v", text, err)
		}
		if _, err = auth.ParseScope(text); (err == nil) != regexp.MustCompile(`^(admin|deploy|read|connect)$`).MatchString(text) {
			t.Errorf("scope %q: %v", text, err)
		}
	})
}

// FuzzUpload sends any body where sources are taken: it is refused with a reason
// or makes a version, and the server goes on.
func FuzzUpload(f *testing.F) {
	for _, body := range []string{
		`{"files":{"light.ts":"export default {}"},"scripts":{"light":{"main":"light.ts"}}}`,
		`{"files":{"../etc/passwd":""},"scripts":{"light":{"main":"../etc/passwd"}}}`,
		`{"files":{"/a.ts":"","a//b.ts":"","a\\b.ts":"","a.ts\u0000":""},"scripts":{}}`,
		`{"files":{"a.ts":"","a.ts":""},"scripts":{"a":{"main":"a.ts"}}}`,
		`{"files":{"a.ts":"\ud800"},"scripts":{"a":{"main":"a.ts","export":"default"}}}`,
		`{"files":{"a.ts":"syntax error"},"scripts":{"a":{"main":"a.ts","digest":"x"}},"message":"m"}`,
		`{"Files":{},"scripts":{"__proto__":{"main":"a.ts"}}}`, `{}`, `[]`, `null`, ``, "\xff", `{"files":` + strings.Repeat("[", 40),
	} {
		f.Add(body)
	}
	s := newServer(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/v1/projects/home/versions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.Token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		switch w.Code {
		case 201, 400, 413, 422:
		default:
			t.Fatalf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
