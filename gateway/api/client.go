package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxAnswer is the most bytes of an answer that a Client reads.
const maxAnswer = 64 << 20

// Client speaks to a server's management API. URL is its base, such as
// http://127.0.0.1:7777. HTTP may be nil: then the client keeps connections as
// http.DefaultClient does. A Client is safe for concurrent use and must not be
// copied or changed after its first call.
//
// Every method's error is an *Error when the server answered, and otherwise
// tells why it could not be asked.
type Client struct {
	URL   string
	Token string
	HTTP  *http.Client
}

// Health says nil when the server accepts devices and can run events.
func (c *Client) Health(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/health", nil, nil)
}

// call makes one request under the base URL and decodes its answer into result,
// which may be nil. The body may be nil, bytes to send as they are, or a value
// to encode.
func (c *Client) call(ctx context.Context, method, path string, body, result any) error {
	data, err := encodeBody(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return unwrapURL(err)
	}
	defer resp.Body.Close()
	// Read to the end, so that the connection is kept.
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	switch {
	case len(answer) > maxAnswer:
		return fmt.Errorf("read answer: over %d bytes", maxAnswer)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return decodeError(resp, answer)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

func encodeBody(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	}
	return json.Marshal(body)
}

// unwrapURL drops the method and URL that net/http puts before the reason; the
// caller names the server once.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// decodeError reads a problem, or makes one of an answer that is none.
func decodeError(resp *http.Response, answer []byte) error {
	e := &Error{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(answer, e) != nil || e.Message == "" {
		e = &Error{Message: "the server answered " + resp.Status}
	}
	e.Status = resp.StatusCode
	return e
}

// project is the path of a project.
func project(slug string) string { return "/v1/projects/" + url.PathEscape(slug) }

func devicePath(slug, id string) string { return project(slug) + "/devices/" + url.PathEscape(id) }

// pageQuery asks for one page; 0 leaves a number to the server.
func pageQuery(page, perPage int) string {
	q := url.Values{}
	setNumber(q, "page", int64(page))
	setNumber(q, "per_page", int64(perPage))
	return encodeQuery(q)
}

func setNumber(q url.Values, name string, n int64) {
	if n != 0 {
		q.Set(name, strconv.FormatInt(n, 10))
	}
}

func setText(q url.Values, name, text string) {
	if text != "" {
		q.Set(name, text)
	}
}

func encodeQuery(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
