package api

import (
	"context"
	"net/http"
)

// healthy is the answer of a server that accepts devices and can run events.
type healthy struct {
	Status string `json:"status" enum:"ok"`
}

func (s *service) health(ctx context.Context, _ *struct{}) (*result[healthy], error) {
	if !s.Ready(ctx) {
		return nil, problem(http.StatusServiceUnavailable, "not_ready", "not ready")
	}
	return &result[healthy]{healthy{"ok"}}, nil
}
