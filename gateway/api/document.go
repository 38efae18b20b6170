package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// shape sets what the framework takes for the whole process: keys are what they
// are, not what they fold to, and it has one shape of errors.
var shape = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = invalid
})

// document describes the API; the routes add themselves.
func document() huma.Config {
	shape()
	c := huma.DefaultConfig("Tendril", "1")
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema member in answers
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "an API token"},
	}
	return c
}

// invalid is how the framework tells that a request does not fit its schema.
// The values it found are not repeated: they may be secrets.
func invalid(status int, message string, errs ...error) huma.StatusError {
	code := "invalid_request"
	switch status {
	case http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case http.StatusInternalServerError:
		code, message, errs = "internal", "internal error", nil
	}
	var details []string
	for _, err := range errs {
		var d huma.ErrorDetailer
		switch {
		case err == nil:
		case errors.As(err, &d):
			details = append(details, place(d.ErrorDetail()))
		default:
			details = append(details, err.Error())
		}
	}
	if len(details) > 0 {
		message = slices.MinFunc(details, cmp.Compare[string])
	}
	return problem(status, code, message)
}

// place names the member or parameter that an error is about.
func place(d *huma.ErrorDetail) string {
	where := strings.TrimPrefix(d.Location, "body.")
	if where == "" {
		return d.Message
	}
	return where + ": " + d.Message
}
