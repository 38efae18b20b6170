package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

// metrics is the handler of GET /metrics, in the text format of Prometheus. It
// tells about all owners together, so it takes a token with the scope read of the
// default owner that is not bound to one project.
func (s *server) metrics(gate api.Gate) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&rooms{server: s},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	exposition := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if only(w, r) && mayScrape(w, r, gate) {
			exposition.ServeHTTP(w, r)
		}
	})
}

// mayScrape answers who may not see the metrics.
func mayScrape(w http.ResponseWriter, r *http.Request, gate api.Gate) bool {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		api.Refuse(w, http.StatusBadRequest, "invalid_request", "more than one Authorization header")
		return false
	}
	scheme, token, _ := strings.Cut(strings.Join(headers, ""), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return unauthorized(w)
	}
	p, err := gate.Principal(r.Context(), strings.TrimSpace(token))
	switch {
	case errors.Is(err, auth.ErrToken):
		return unauthorized(w)
	case err != nil:
		api.Refuse(w, http.StatusServiceUnavailable, "unavailable", "the token cannot be checked now")
		return false
	case p.Owner != auth.DefaultOwner || p.Project != "" || !p.May(auth.Read):
		api.Refuse(w, http.StatusForbidden, "forbidden", "metrics need the scope read of the default owner, for all projects")
		return false
	}
	return true
}

func unauthorized(w http.ResponseWriter) bool {
	w.Header().Set("WWW-Authenticate", "Bearer")
	api.Refuse(w, http.StatusUnauthorized, "unauthorized", "missing or invalid token")
	return false
}
