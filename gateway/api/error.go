package api

import (
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
)

// Error is a problem as the API tells it (RFC 9457), and as a Client returns
// it. Message is for people, Code for programs.
type Error struct {
	Title   string `json:"title,omitempty"`
	Status  int    `json:"status"`
	Message string `json:"detail"`
	// Text repeats Message, and Success is false, for clients of the older shape.
	Success bool   `json:"success"`
	Text    string `json:"error"`
	Code    string `json:"code" example:"not_found"`
	Hint    string `json:"hint,omitempty"`
	// A place in the author's sources; see versions.SourceError.
	Script string `json:"script,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Frame  string `json:"frame,omitempty"`
	More   int    `json:"more,omitempty"`

	header http.Header
}

// problem makes an Error. A token that came where a name is expected is not
// repeated.
func problem(status int, code, message string) *Error {
	message = auth.Redact(message)
	return &Error{
		Title: http.StatusText(status), Status: status,
		Message: message, Text: message, Code: code,
	}
}

func (e *Error) Error() string { return e.Message }

// GetStatus is the HTTP status of the answer.
func (e *Error) GetStatus() int { return e.Status }

// GetHeaders are headers of the answer.
func (e *Error) GetHeaders() http.Header { return e.header }

// ContentType is that of problems.
func (e *Error) ContentType(string) string { return "application/problem+json" }
