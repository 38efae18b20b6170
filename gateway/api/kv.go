package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/runtime"
)

// InKey is the path of a key: one segment, percent-encoded, any UTF-8 but NUL.
type InKey struct {
	InDevice
	Key string `path:"key"`
}

// newPair asks for a value under a key.
type newPair struct {
	Value json.RawMessage `json:"value"`
	TTL   int64           `json:"ttl,omitempty" minimum:"0" doc:"milliseconds, 0 is for ever"`
}

// removedPair answers the removal of a key.
type removedPair struct {
	Deleted bool   `json:"deleted"`
	Key     string `json:"key"`
}

// maxTTL is the largest ttl of a value in milliseconds: a century.
const maxTTL = 100 * 365 * 24 * 3_600_000

func (s *service) findPair(ctx context.Context, in InKey) (device.Key, error) {
	key, err := s.findKey(ctx, in.InDevice)
	if err != nil {
		return key, err
	}
	if limit := runtime.DefaultLimits().KVKey; len(in.Key) > limit {
		return key, problem(http.StatusBadRequest, "invalid_key", "the key is longer than "+bytesText(int64(limit)))
	}
	return key, nil
}

func (s *service) listPairs(ctx context.Context, in *struct {
	InDevice
	Prefix string `query:"prefix"`
	After  string `query:"after" doc:"keys behind this one"`
	Cursor string `query:"cursor" doc:"keys behind a page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
},
) (*result[PairPage], error) {
	key, err := s.findKey(ctx, in.InDevice)
	if err != nil {
		return nil, err
	}
	after, err := behind(in.After, in.Cursor)
	if err != nil {
		return nil, err
	}
	rows, err := s.Pairs.Pairs(ctx, key, in.Prefix, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	page := PairPage{}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		cursor := base64.RawURLEncoding.EncodeToString([]byte(rows[len(rows)-1].Key))
		page.Cursor = &cursor
	}
	page.Items = each(rows, func(p runtime.KVPair) Pair { return Pair{p.Key, p.Value} })
	return &result[PairPage]{page}, nil
}

// behind is the key that a list begins behind.
func behind(after, cursor string) (string, error) {
	switch {
	case cursor == "":
		return after, nil
	case after != "":
		return "", problem(http.StatusBadRequest, "invalid_request", "after and cursor exclude each other")
	}
	key, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || !utf8.Valid(key) {
		return "", problem(http.StatusBadRequest, "invalid_cursor", "invalid cursor")
	}
	return string(key), nil
}

// taggedPair is a pair with the entity tag of its value.
type taggedPair struct {
	ETag string `header:"ETag"`
	Body Pair
}

func tagged(key string, value []byte) *taggedPair {
	return &taggedPair{ETag: `"` + dispatch.ETag(value) + `"`, Body: Pair{key, value}}
}

func (s *service) getPair(ctx context.Context, in *InKey) (*taggedPair, error) {
	key, err := s.findPair(ctx, *in)
	if err != nil {
		return nil, err
	}
	value, err := s.Pairs.Pair(ctx, key, in.Key)
	if err != nil {
		return nil, noKey(err)
	}
	return tagged(in.Key, value), nil
}

func (s *service) putPair(ctx context.Context, in *struct {
	InKey
	InCondition
	Body newPair
},
) (*taggedPair, error) {
	key, err := s.findPair(ctx, in.InKey)
	if err != nil {
		return nil, err
	}
	only, err := in.condition()
	if err != nil {
		return nil, err
	}
	if in.Body.TTL > maxTTL {
		return nil, problem(http.StatusBadRequest, "invalid_request", "ttl: over a century")
	}
	value, err := compact("value", in.Body.Value, runtime.DefaultLimits().KVValue)
	if err != nil {
		return nil, err
	}
	ttl := time.Duration(in.Body.TTL) * time.Millisecond
	if err := s.Control.PutKV(ctx, key, in.Key, value, ttl, only); err != nil {
		return nil, err
	}
	return tagged(in.Key, value), nil
}

func (s *service) deletePair(ctx context.Context, in *struct {
	InKey
	InCondition
},
) (*result[removedPair], error) {
	key, err := s.findPair(ctx, in.InKey)
	if err != nil {
		return nil, err
	}
	only, err := in.condition()
	if err != nil {
		return nil, err
	}
	was, err := s.Control.DeleteKV(ctx, key, in.Key, only)
	switch {
	case err != nil:
		return nil, err
	case !was:
		return nil, noKey(auth.ErrNotFound)
	}
	return &result[removedPair]{removedPair{Deleted: true, Key: in.Key}}, nil
}

func noKey(err error) error {
	if errors.Is(err, auth.ErrNotFound) {
		return problem(http.StatusNotFound, "not_found", "no such key")
	}
	return err
}

// compact drops the white space of a JSON text, which counts against nothing.
func compact(what string, text json.RawMessage, limit int) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return nil, problem(http.StatusBadRequest, "bad_json", err.Error())
	}
	if b.Len() > limit {
		return nil, problem(http.StatusRequestEntityTooLarge, "too_large", "the "+what+" is larger than "+bytesText(int64(limit)))
	}
	return b.Bytes(), nil
}
