package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// readiness is the answer of GET /ready. Whoever spreads devices over servers
// sends new ones elsewhere while it is 503; those that are connected stay.
type readiness struct {
	Status string `json:"status"`
}

// tellReady says whether new devices are welcome and can be served: not before
// the start, in a drain, or while nothing can be stored. It needs no token and
// tells nothing else.
func (s *server) tellReady(w http.ResponseWriter, r *http.Request) {
	if !only(w, r) {
		return
	}
	code, message := s.unready()
	if code != "" {
		w.Header().Set("Retry-After", "1")
		api.Refuse(w, http.StatusServiceUnavailable, code, message)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(readiness{"ready"})
}

// unready says why the server is not ready, "" when it is.
func (s *server) unready() (code, message string) {
	switch fault := s.db.Writable(); {
	case !s.started.Load():
		return "starting", "the server starts"
	case !s.ready.Load():
		return "draining", "the server is about to go"
	case errors.Is(fault, dispatch.ErrFull):
		return "storage_full", "there is no room on the disk"
	case fault != nil:
		return "storage_unavailable", "nothing can be written to the disk"
	}
	return "", ""
}

// only answers what is neither GET nor HEAD.
func only(w http.ResponseWriter, r *http.Request) bool {
	allowed := []string{http.MethodGet, http.MethodHead}
	if slices.Contains(allowed, r.Method) {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	api.Refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not allowed here")
	return false
}
