package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

// problem is an error as the command line tells it. File is relative to the
// project, with slashes; Frame is the source line with a marker below it.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Script  string `json:"script,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Frame   string `json:"-"`
	More    int    `json:"-"` // further errors of the same compile
}

func (p problem) Error() string { return p.Message }

// exitCode is the table of exit codes.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.As(err, new(usageError)):
		return 2
	}
	return 1
}

// explain makes a problem of any error.
func explain(err error) problem {
	var (
		told   problem
		usage  usageError
		source *versions.SourceError
		answer *api.Error
	)
	if p, known := explainData(err); known {
		return p
	}
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &usage):
		return problem{Code: "usage", Message: usage.message, Hint: usage.hint}
	case errors.As(err, &source):
		code := "compile_error"
		if source.File == projectFile {
			code = "project_file"
		}
		return problem{
			Code: code, Message: source.Message, Script: source.Script,
			File: source.File, Line: source.Line, Column: source.Column, Frame: source.Frame, More: source.More,
		}
	case errors.As(err, &answer):
		return explainAnswer(answer, err)
	case errors.Is(err, context.Canceled):
		return problem{Code: "interrupted", Message: "interrupted"}
	}
	return problem{Code: "failed", Message: err.Error()}
}

func explainAnswer(answer *api.Error, err error) problem {
	p := problem{
		Code: answer.Code, Message: err.Error(), Hint: answer.Hint, Script: answer.Script,
		File: answer.File, Line: answer.Line, Column: answer.Column, Frame: answer.Frame, More: answer.More,
	}
	if p.File != "" {
		p.Message = answer.Message // the place says what was being done
	}
	if p.Code == "" {
		p.Code = "http_" + fmt.Sprint(answer.Status)
	}
	switch {
	case p.Code == "conflict" && !strings.Contains(strings.ToLower(p.Message), "conflict"):
		p.Message = "conflict: " + p.Message
	case p.Code == "token_exists" && p.Hint == "":
		p.Hint = "--rotate makes a new token; the present one stays valid until the next rotation"
	case answer.Status == http.StatusUnauthorized && p.Hint == "":
		p.Hint = "the credential comes from --token-file, TENDRIL_TOKEN or the local data directory's admin-token"
	}
	return p
}

// print writes the problem as lines for people or as one JSON object.
func (p problem) print(w io.Writer, asJSON bool) {
	if asJSON {
		_ = writeJSON(w, map[string]problem{"error": p})
		return
	}
	s := newStyles()
	where := ""
	if p.File != "" {
		where = p.File
		if p.Line > 0 {
			where += fmt.Sprintf(":%d", p.Line)
			if p.Column > 0 {
				where += fmt.Sprintf(":%d", p.Column)
			}
		}
		where += ": "
	}
	fmt.Fprintf(w, "%s %s%s\n", s.bad.Render("error:"), s.strong.Render(where), printable(p.Message))
	if p.Frame != "" {
		fmt.Fprintln(w, s.dim.Render(indent(strings.TrimRight(printable(p.Frame), "\n"), "    ")))
	}
	if p.More > 0 {
		fmt.Fprintf(w, "       and %d more\n", p.More)
	}
	if p.Hint != "" {
		fmt.Fprintf(w, "%s %s\n", s.good.Render("hint:"), printable(p.Hint))
	}
}

// writeJSON writes one value on one line, its text as it is.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// warning writes a line that tells of something odd and fails nothing.
func warning(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, newStyles().warn.Render("warning:"), printable(fmt.Sprintf(format, args...)))
}
