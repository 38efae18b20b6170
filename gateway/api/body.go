package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tendril-run/tendril/gateway/wire"
)

// A body has bodyTime to come, and a second more for every bodyPace bytes that
// have come: a slow line is served, a dripping one is not.
const (
	bodyTime = 15 * time.Second
	bodyPace = 64 << 10
)

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
	data, err := readInTime(http.MaxBytesReader(w, r.Body, limits.bytes), http.NewResponseController(w))
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

// readInTime reads to the end. After an error the deadline stays, so that nobody
// waits for the rest. What has no deadlines, such as a recorder, needs none.
func readInTime(body io.Reader, deadline *http.ResponseController) ([]byte, error) {
	end := time.Now().Add(bodyTime)
	_ = deadline.SetReadDeadline(end)
	var b bytes.Buffer
	for {
		n, err := io.CopyN(&b, body, bodyPace)
		switch {
		case err == io.EOF:
			_ = deadline.SetReadDeadline(time.Time{})
			return b.Bytes(), nil
		case err != nil:
			return nil, err
		case n == bodyPace:
			end = end.Add(time.Second)
			_ = deadline.SetReadDeadline(end)
		}
	}
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
	media, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, encoding := parameters["charset"], h.Get("Content-Encoding")
	return err == nil && media == "application/json" &&
		(charset == "" || strings.EqualFold(charset, "utf-8")) && (encoding == "" || encoding == "identity")
}
