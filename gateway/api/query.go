package api

import (
	"net/http"
	"strings"
)

// maxParameters is more than any route has.
const maxParameters = 32

// checkQuery refuses a query that two readers could understand in two ways:
// parameters that are there twice, separators of old, text that is no UTF-8.
func checkQuery(raw string) *Error {
	if raw == "" {
		return nil
	}
	bad := func(message string) *Error {
		return problem(http.StatusBadRequest, "invalid_request", "the query: "+message)
	}
	if strings.Count(raw, "&") >= maxParameters {
		return bad("too many parameters")
	}
	if strings.Contains(raw, ";") {
		return bad("parameters are separated by &")
	}
	seen := make(map[string]bool)
	for pair := range strings.SplitSeq(raw, "&") {
		escaped, value, _ := strings.Cut(pair, "=")
		name, err := unescape(strings.ReplaceAll(escaped, "+", "%20"))
		if err == nil {
			_, err = unescape(strings.ReplaceAll(value, "+", "%20"))
		}
		switch {
		case err != nil:
			return bad(err.Error())
		case name == "":
			return bad("a parameter has no name")
		case seen[name]:
			return bad("a parameter is there twice")
		}
		seen[name] = true
	}
	return nil
}
