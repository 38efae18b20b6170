package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tendril-run/tendril/gateway/wire"
)

// readTimeout bounds the reading of one body.
const readTimeout = 60 * time.Second

// bodyLimits are what a route takes.
type bodyLimits struct {
	bytes int64
	json  wire.Limits
}

// strict reads the body and hands it on only if every reader understands it the
// same way. A body that is not there is for the route to judge.
func strict(limits bodyLimits) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		data, err := readBody(w, r, limits)
		if err != nil {
			write(w, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		next(ctx)
	}
}

func readBody(w http.ResponseWriter, r *http.Request, limits bodyLimits) ([]byte, *Error) {
	if r.ContentLength > limits.bytes {
		return nil, tooLarge(limits.bytes)
	}
	// What has no deadlines, such as a recorder, needs none.
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(readTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.bytes))
	_ = deadline.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(limits.bytes)
	case err != nil:
		return nil, problem(http.StatusBadRequest, "invalid_request", "the body ended early")
	case len(data) == 0:
		return nil, nil
	case !isJSON(r.Header):
		return nil, problem(http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json, not encoded")
	}
	return data, judge(data, limits.json)
}

// judge tells in which way a text is no JSON object that we take.
func judge(data []byte, limits wire.Limits) *Error {
	err := wire.Check(data, limits)
	var bad *wire.JSONError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return problem(http.StatusBadRequest, bad.Code, bad.Error())
	}
	return problem(http.StatusBadRequest, wire.BadJSON, err.Error())
}

func tooLarge(limit int64) *Error {
	return problem(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than "+bytesText(limit))
}

func isJSON(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	encoding := h.Get("Content-Encoding")
	return err == nil && media == "application/json" && (encoding == "" || encoding == "identity")
}
