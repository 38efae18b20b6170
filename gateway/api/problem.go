package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/versions"
)

// answer is how an error is told: by the sentinel's own text, because what wraps
// it may name internal ids, or whole.
type answer struct {
	err    error
	status int
	code   string
	whole  bool
}

// answers is the table of errors that callers may hear of; all others are ours
// and told as 500.
var answers = []answer{
	{auth.ErrToken, http.StatusUnauthorized, "unauthorized", false},
	{auth.ErrNotFound, http.StatusNotFound, "not_found", false},
	{auth.ErrLastAdmin, http.StatusConflict, "last_admin", false},
	{auth.ErrExists, http.StatusConflict, "exists", false},
	{dispatch.ErrNoDevice, http.StatusNotFound, "not_found", false},
	{dispatch.ErrQueueFull, http.StatusTooManyRequests, "queue_full", false},
	{dispatch.ErrPrecondition, http.StatusPreconditionFailed, "precondition_failed", false},
	{dispatch.ErrKVFull, http.StatusInsufficientStorage, "kv_full", false},
	{dispatch.ErrFull, http.StatusInsufficientStorage, "storage_full", false},
	{dispatch.ErrUnavailable, http.StatusServiceUnavailable, "storage_unavailable", false},
	{logs.ErrCursor, http.StatusBadRequest, "invalid_cursor", false},
	{versions.ErrNotFound, http.StatusNotFound, "not_found", true},
	{versions.ErrConflict, http.StatusConflict, "conflict", true},
	{versions.ErrNeverActive, http.StatusConflict, "never_active", true},
	{versions.ErrUpload, http.StatusBadRequest, "invalid_upload", true},
	{context.Canceled, http.StatusServiceUnavailable, "unavailable", false},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "unavailable", false},
}

// problem tells an error of a route. What is our fault is logged, and its text
// kept from the caller.
func (s *service) problem(ctx context.Context, route string, err error) *Error {
	var told *Error
	if errors.As(err, &told) {
		return told
	}
	var source *versions.SourceError
	if errors.As(err, &source) {
		return sourceProblem(source)
	}
	var digest *versions.DigestError
	if errors.As(err, &digest) {
		return problem(http.StatusUnprocessableEntity, "digest_mismatch", digest.Error())
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a.problem(err)
		}
	}
	s.Log.ErrorContext(ctx, "request failed", "route", route, "error", err)
	return problem(http.StatusInternalServerError, "internal", "internal error")
}

func (a answer) problem(err error) *Error {
	switch {
	case a.status == http.StatusUnauthorized:
		// Not err: the answer is the same for every token.
		e := problem(a.status, a.code, "missing or invalid token")
		e.header = http.Header{"Www-Authenticate": {"Bearer"}}
		return e
	case a.code == "unavailable":
		return problem(a.status, a.code, "the request was abandoned")
	case a.whole:
		return problem(a.status, a.code, err.Error())
	}
	return problem(a.status, a.code, a.err.Error())
}

// sourceProblem points into the author's sources.
func sourceProblem(err *versions.SourceError) *Error {
	e := problem(http.StatusUnprocessableEntity, "compile_error", err.Message)
	e.Script, e.File, e.Line, e.Column = err.Script, err.File, err.Line, err.Column
	e.Frame, e.More = err.Frame, err.More
	return e
}

// Refuse answers with a problem, for handlers beside the API.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	write(w, problem(status, code, message))
}

// write answers with a problem where the framework does not.
func write(w http.ResponseWriter, e *Error) {
	for name, values := range e.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", e.ContentType(""))
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(e)
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
