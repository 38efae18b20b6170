package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
)

// mux finds the handler of a request by its path as it was sent. Unlike the one
// of net/http it never cleans a path and redirects nothing: a path is its
// segments.
type mux struct {
	entries []entry
	log     *slog.Logger
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
	defer m.recover(w, r)
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
		if err := setValues(r, e.segments, values); err != nil {
			write(w, err)
			return
		}
		e.handle(w, r)
		return
	}
	if len(allow) == 0 {
		write(w, problem(http.StatusNotFound, "not_found", "no such path"))
		return
	}
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	write(w, problem(http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not allowed here"))
}

// setValues makes the segments that a route took its path values. Only a key may
// hold anything; of the others a text that cannot be one names nothing.
func setValues(r *http.Request, pattern, values []string) *Error {
	for i, name := range pattern {
		if !isName(name) {
			continue
		}
		name = name[1 : len(name)-1]
		text, err := unescape(values[i])
		switch {
		case err == nil:
			r.SetPathValue(name, text)
		case name == "key":
			return problem(http.StatusBadRequest, "invalid_key", "invalid key: "+err.Error())
		default:
			return problem(http.StatusNotFound, "not_found", "no such path")
		}
	}
	return nil
}

// recover answers for a handler that panicked. The framework panics too when an
// answer cannot be written because the caller has left.
func (m *mux) recover(w http.ResponseWriter, r *http.Request) {
	fault := recover()
	switch {
	case fault == nil:
		return
	case fault == http.ErrAbortHandler, r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	}
	m.log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "fault", fault, "stack", string(debug.Stack()))
	write(w, problem(http.StatusInternalServerError, "internal", "internal error"))
}
