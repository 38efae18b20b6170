package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/runtime"
)

// newCommand is the body of NewCommand. The largest ttl is seven days.
type newCommand struct {
	Command json.RawMessage `json:"command"`
	TTL     int64           `json:"ttl,omitempty" minimum:"0" maximum:"604800000" doc:"milliseconds, 0 is the default of 1 h"`
	Key     string          `json:"key,omitempty" maxLength:"512" doc:"replaces a waiting command of the same key"`
}

func (s *service) send(ctx context.Context, in *struct {
	InDevice
	Body newCommand
},
) (*result[Sent], error) {
	key, err := s.findKey(ctx, in.InDevice)
	if err != nil {
		return nil, err
	}
	body, err := parseCommand(in.Body.Command)
	if err != nil {
		return nil, err
	}
	id, state, err := s.Control.Send(ctx, key, runtime.Command{
		Body: body, TTL: time.Duration(in.Body.TTL) * time.Millisecond, Key: in.Body.Key,
	})
	if err != nil {
		return nil, err
	}
	return &result[Sent]{Sent{ID: id, State: state}}, nil
}

// parseCommand takes what a script could send: an object with a type of its own,
// and nothing that belongs to the envelope.
func parseCommand(text json.RawMessage) ([]byte, error) {
	limits := runtime.DefaultLimits()
	depth := wire.Limits{Depth: limits.Depth, Nodes: limits.Nodes}
	body, err := compact("command", text, limits.Command)
	if err != nil {
		return nil, err
	}
	bad := func(code, message string) ([]byte, error) {
		return nil, problem(http.StatusBadRequest, code, message)
	}
	found := make([]wire.Member, 3)
	if wire.Scan(body, depth, []string{"type", "$id", "$re"}, found) != nil {
		return nil, judge(body, depth)
	}
	if !found[0].Found() {
		return bad("missing_type", `the command has no "type"`)
	}
	kind, ok := found[0].Text(body)
	switch {
	case !ok:
		return bad("bad_type", "the command's type is no string")
	case len(kind) == 0 || utf8.RuneCount(kind) > 64:
		return bad("bad_type", "the command's type has not 1 to 64 characters")
	case strings.HasPrefix(string(kind), "$"):
		return bad("bad_type", "types that begin with $ belong to the protocol")
	case found[1].Found() || found[2].Found():
		return bad("bad_command", "the fields $id and $re belong to the protocol")
	}
	return body, nil
}
