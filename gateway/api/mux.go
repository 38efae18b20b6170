package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/tendril-run/tendril/gateway/auth"
)

// mux finds the handler of a request by its path as it was sent. Unlike the one
// of net/http it never cleans a path and redirects nothing: a path is its
// segments.
type mux struct {
	entries []entry
	table   []route
	log     *slog.Logger
}

// route is a line of the route table: who may ask for what.
type route struct {
	method, path, id string
	scope            auth.Scope
}

type entry struct {
	method   string
	segments []string // "{name}" takes any one segment
	handle   http.HandlerFunc
}

// HandleFunc adds a route: a method, a space, a path.
func (m *mux) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	m.entries = append(m.entries, entry{method, segments(path), handle})
}

func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := "" // as it is in the table: what a path holds belongs in no log
	defer func() { m.recover(recover(), w, r, route) }()
	parts := segments(r.URL.EscapedPath())
	var allow []string
	for _, e := range m.entries {
		values, ok := match(e.segments, parts)
		if !ok {
			continue
		}
		if e.method != r.Method && (e.method != http.MethodGet || r.Method != http.MethodHead) {
			allow = append(allow, e.method)
			continue
		}
		route = strings.Join(e.segments, "/")
		err := setValues(r, e.segments, values)
		if err == nil {
			err = checkQuery(r.URL.RawQuery)
		}
		if err != nil {
			write(w, err)
			return
		}
		e.handle(w, r)
		return
	}
	switch {
	case len(allow) == 0 && !readable(parts):
		write(w, badPath())
	case len(allow) == 0:
		write(w, problem(http.StatusNotFound, "not_found", "no such path"))
	default:
		elsewhere(w, r, allow)
	}
}

// elsewhere answers a method that a path does not have, and the question which
// it has.
func elsewhere(w http.ResponseWriter, r *http.Request, allow []string) {
	allow = append(allow, http.MethodOptions)
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	write(w, problem(http.StatusMethodNotAllowed, "method_not_allowed", "the method is not allowed here"))
}

// setValues makes the segments that a route took its path values. Only a key may
// hold anything; of the others none holds a slash.
func setValues(r *http.Request, pattern, values []string) *Error {
	for i, name := range pattern {
		if !isName(name) {
			continue
		}
		name = name[1 : len(name)-1]
		text, err := unescape(values[i])
		switch {
		case err != nil && name == "key":
			return problem(http.StatusBadRequest, "invalid_key", "invalid key: "+err.Error())
		case err != nil, name != "key" && strings.Contains(text, "/"):
			return badPath()
		}
		r.SetPathValue(name, text)
	}
	return nil
}

func badPath() *Error {
	return problem(http.StatusBadRequest, "invalid_path", "invalid path: a segment is bad percent-encoding, not UTF-8, or holds NUL or a slash")
}

// recover answers for a handler that panicked. The framework panics too when an
// answer cannot be written because the caller has left.
func (m *mux) recover(fault any, w http.ResponseWriter, r *http.Request, route string) {
	switch {
	case fault == nil:
		return
	case fault == http.ErrAbortHandler, r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	}
	m.log.Error("handler panicked", "method", r.Method, "route", route, "fault", fault, "stack", string(debug.Stack()))
	write(w, problem(http.StatusInternalServerError, "internal", "internal error"))
}
