package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

// maxHeaders is far more than any client sends.
const maxHeaders = 256

// bodyTime is how long the body of a request may take that no route reads.
const bodyTime = 15 * time.Second

// front is what every request meets first, also of rooms that come later: who is
// asking, for which host, from which page, and how often in vain.
type front struct {
	next     http.Handler
	hosts    hosts
	origins  []string
	proxies  proxies
	secure   bool
	failures auth.Failures
	told     atomic.Int64 // when a burst of failures was last logged, in seconds
	log      *slog.Logger
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := guestOf(r.Context())
	from, secure := f.proxies.client(g.from, f.secure, r.Header)
	if from != g.from {
		r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
	}
	r.URL.Scheme = "http"
	if secure {
		r.URL.Scheme = "https"
	}
	if r.ContentLength != 0 {
		_ = g.SetReadDeadline(time.Now().Add(bodyTime))
	}
	a := &answer{ResponseWriter: w, front: f, guest: g, from: from, last: len(r.Header["Upgrade"]) > 0}
	headers(w.Header())
	if f.judge(a, r) {
		f.next.ServeHTTP(a, r)
	}
}

// headers are in every answer: it is no page, belongs in no frame and no cache,
// and nothing of it is to be guessed.
func headers(h http.Header) {
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Referrer-Policy"] = []string{"no-referrer"}
	h["Cache-Control"] = []string{"no-store"}
}

// judge answers what no room is to see and says whether to go on.
func (f *front) judge(w http.ResponseWriter, r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	count := 0
	for _, values := range r.Header {
		count += len(values)
	}
	switch {
	case count > maxHeaders:
		api.Refuse(w, http.StatusRequestHeaderFieldsTooLarge, "too_many_headers", "too many headers")
	case r.Host == "":
		api.Refuse(w, http.StatusBadRequest, "missing_host", "the request names no host")
	case !f.hosts.allow(r.Host, local):
		api.Refuse(w, http.StatusMisdirectedRequest, "unknown_host", "this server is not known by that name: see --allow-host and --public-url")
	case !strings.HasPrefix(r.URL.Path, "/"):
		api.Refuse(w, http.StatusBadRequest, "invalid_path", "the path does not begin with a slash")
	default:
		return f.share(w, r)
	}
	return false
}

// share lets the pages of allowed origins use the server, and answers their
// browsers, who ask first. Without allowed origins there is no CORS.
func (f *front) share(w http.ResponseWriter, r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(f.origins) == 0 {
		return true
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if len(origins) != 1 || !slices.Contains(f.origins, strings.ToLower(origins[0])) {
		return true
	}
	h.Set("Access-Control-Allow-Origin", origins[0])
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return false
}

// failed counts an authentication in vain and says how long its sender is to
// wait, 0 for not at all.
func (f *front) failed(from netip.Addr) time.Duration {
	now := time.Now()
	wait := f.failures.Add(from, now)
	if wait > 0 {
		if told := f.told.Load(); now.Unix() > told && f.told.CompareAndSwap(told, now.Unix()) {
			f.log.Warn("many requests without a valid token", "remote", from.String())
		}
	}
	return wait
}

// turnstile is the gate that notes who was let in on his connection.
type turnstile struct{ auth.Gate }

// Principal is that of the gate. A REST client is served however many are
// admitted.
func (t turnstile) Principal(ctx context.Context, token string) (auth.Principal, error) {
	p, err := t.Gate.Principal(ctx, token)
	if err == nil {
		guestOf(ctx).admit()
	}
	return p, err
}

// Admit is that of the gate. Error: errFull, too.
func (t turnstile) Admit(ctx context.Context, token string) (auth.Pass, error) {
	p, err := t.Gate.Admit(ctx, token)
	if err == nil && !guestOf(ctx).admit() {
		return auth.Pass{}, errFull
	}
	return p, err
}
