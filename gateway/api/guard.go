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

// caller is who asks, at which address, and for which project: the one that the
// path names.
type caller struct {
	auth.Principal
	project   auth.Project
	deviceURL string
}

type callerKey struct{}

// callerOf returns the caller that guard has put into the context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// guard lets through who shows a token with the scope and sees the project that
// the path names, before anything of the body is read. Every token that opens
// nothing gets the same answer, and so does every project that is not the
// caller's.
func (s *service) guard(scope auth.Scope) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		who, err := s.authorize(r, scope)
		if slug := r.PathValue("p"); err == nil && slug != "" {
			who.project, err = s.lookUp(r.Context(), who.Principal, slug)
		}
		if err != nil {
			write(w, s.problem(r.Context(), ctx.Operation().OperationID, err))
			return
		}
		next(huma.WithValue(ctx, callerKey{}, who))
	}
}

func (s *service) authorize(r *http.Request, scope auth.Scope) (caller, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return caller{}, problem(http.StatusBadRequest, "invalid_request", "more than one Authorization header")
	}
	if len(headers) == 0 {
		return caller{}, auth.ErrToken
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, auth.ErrToken
	}
	principal, err := s.Gate.Principal(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return caller{}, err
	}
	if !principal.May(scope) {
		return caller{}, problem(http.StatusForbidden, "forbidden", "the token lacks the scope "+string(scope))
	}
	return caller{Principal: principal, deviceURL: s.deviceURL(r)}, nil
}

// deviceURL is where devices connect, seen from who asks. The scheme of the URL
// is what the server that calls the handler says of it.
func (s *service) deviceURL(r *http.Request) string {
	switch {
	case s.DeviceURL != "":
		return s.DeviceURL
	case r.TLS != nil, r.URL.Scheme == "https":
		return "wss://" + r.Host + "/v1/connect"
	}
	return "ws://" + r.Host + "/v1/connect"
}

// findProject is the project of a slug, in a path or a body, for the caller.
func (s *service) findProject(ctx context.Context, slug string) (auth.Project, error) {
	who := callerOf(ctx)
	if who.project.Slug == slug {
		return who.project, nil
	}
	return s.lookUp(ctx, who.Principal, slug)
}

// lookUp resolves a slug. A foreign project is as missing as one that is not
// there.
func (s *service) lookUp(ctx context.Context, who auth.Principal, slug string) (auth.Project, error) {
	missing := problem(http.StatusNotFound, "not_found", "no such project")
	if _, err := auth.ParseSlug(slug); err != nil {
		return auth.Project{}, missing
	}
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
