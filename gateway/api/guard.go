package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tendril-run/tendril/gateway/auth"
)

// caller is who asks, and at which address.
type caller struct {
	auth.Principal
	deviceURL string
}

type callerKey struct{}

// callerOf returns the caller that guard has put into the context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// guard lets through who shows a token with the scope. Every token that opens
// nothing gets the same answer.
func (s *service) guard(scope auth.Scope) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		principal, err := s.authorize(r, scope)
		if err != nil {
			write(w, s.problem(r.Context(), ctx.Operation().OperationID, err))
			return
		}
		next(huma.WithValue(ctx, callerKey{}, caller{principal, s.deviceURL(r)}))
	}
}

func (s *service) authorize(r *http.Request, scope auth.Scope) (auth.Principal, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return auth.Principal{}, problem(http.StatusBadRequest, "invalid_request", "more than one Authorization header")
	}
	if len(headers) == 0 {
		return auth.Principal{}, auth.ErrToken
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return auth.Principal{}, auth.ErrToken
	}
	principal, err := s.Gate.Principal(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return auth.Principal{}, err
	}
	if !principal.May(scope) {
		return auth.Principal{}, problem(http.StatusForbidden, "forbidden", "the token lacks the scope "+string(scope))
	}
	return principal, nil
}

// deviceURL is where devices connect, seen from who asks.
func (s *service) deviceURL(r *http.Request) string {
	switch {
	case s.DeviceURL != "":
		return s.DeviceURL
	case r.TLS != nil:
		return "wss://" + r.Host + "/v1/connect"
	}
	return "ws://" + r.Host + "/v1/connect"
}

// findProject resolves the slug in a path for the caller. A foreign project is
// as missing as one that is not there.
func (s *service) findProject(ctx context.Context, slug string) (auth.Project, error) {
	missing := problem(http.StatusNotFound, "not_found", "no such project")
	if _, err := auth.ParseSlug(slug); err != nil {
		return auth.Project{}, missing
	}
	who := callerOf(ctx)
	p, err := s.Projects.Project(ctx, who.Owner, slug)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.Project{}, missing
	case err != nil:
		return auth.Project{}, err
	case !who.Sees(p):
		return auth.Project{}, missing
	}
	return p, nil
}
