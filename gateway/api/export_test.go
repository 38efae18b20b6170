package api

import (
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
)

// Route is a line of the route table. The empty Scope is open to everybody.
type Route struct {
	Method, Path, ID string
	Scope            auth.Scope
}

// Routes is the route table of a handler that New made.
func Routes(h http.Handler) []Route {
	table := h.(*mux).table
	routes := make([]Route, len(table))
	for i, r := range table {
		routes[i] = Route{r.method, r.path, r.id, r.scope}
	}
	return routes
}

// Answered says how many patterns the handler answers.
func Answered(h http.Handler) int { return len(h.(*mux).entries) }
