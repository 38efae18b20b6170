package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tendril-run/tendril/gateway/auth"
)

// maxTokenName is the longest name of a token, in characters.
const maxTokenName = 64

// removedToken answers the removal of a token.
type removedToken struct {
	Deleted bool   `json:"deleted"`
	ID      string `json:"id"`
}

func showToken(t auth.Token) Token {
	shown := Token{ID: t.ID, Name: t.Name, Scopes: t.Scopes, CreatedAt: t.CreatedAt}
	if t.Project != "" {
		shown.Project = &t.Project
	}
	if t.ExpiresAt != 0 {
		shown.ExpiresAt = &t.ExpiresAt
	}
	return shown
}

func (s *service) listTokens(ctx context.Context, in *struct{ Paged }) (*result[Page[Token]], error) {
	who := callerOf(ctx)
	rows, err := s.Tokens.APITokens(ctx, who.Owner, who.Project, in.offset(), in.limit())
	if err != nil {
		return nil, err
	}
	return page(in.Paged, rows, showToken), nil
}

func (s *service) createToken(ctx context.Context, in *struct{ Body NewToken }) (*result[MadeToken], error) {
	now := time.Now().UnixMilli()
	row, err := tokenOf(in.Body, now)
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	p := auth.Principal{Name: row.Name, Owner: who.Owner, Scopes: row.Scopes}
	switch {
	case row.Project != "":
		project, err := s.findProject(ctx, row.Project)
		if err != nil {
			return nil, err
		}
		p.Project = project.ID
	case who.Project != "":
		return nil, problem(http.StatusForbidden, "forbidden", "the token is for one project: name it")
	}
	token, hash := auth.New(auth.APIToken)
	if p, err = s.Tokens.AddToken(ctx, hash, p, row.ExpiresAt); err != nil {
		return nil, err
	}
	row.ID, row.CreatedAt = p.TokenID, now
	return &result[MadeToken]{MadeToken{Token: showToken(row), Secret: token}}, nil
}

// tokenOf judges what a token is asked to be.
func tokenOf(n NewToken, now int64) (auth.Token, error) {
	bad := func(message string) (auth.Token, error) {
		return auth.Token{}, problem(http.StatusBadRequest, "invalid_request", message)
	}
	if length := utf8.RuneCountInString(n.Name); length == 0 || length > maxTokenName ||
		strings.ContainsFunc(n.Name, unicode.IsControl) || strings.TrimSpace(n.Name) != n.Name {
		return bad("name: 1 to 64 characters, none of them a control character, no space at the ends")
	}
	t := auth.Token{Name: n.Name}
	for _, word := range n.Scopes {
		scope, err := auth.ParseScope(word)
		if err != nil {
			return bad("scopes: " + err.Error())
		}
		if slices.Contains(t.Scopes, scope) {
			return bad("scopes: " + word + " is there twice")
		}
		t.Scopes = append(t.Scopes, scope)
	}
	if len(t.Scopes) == 0 {
		return bad("scopes: at least one is needed")
	}
	if n.Project != nil {
		if t.Project = *n.Project; t.Project == "" {
			return bad("project: a slug, or nothing for all projects")
		}
	}
	if n.ExpiresAt != nil {
		if t.ExpiresAt = *n.ExpiresAt; t.ExpiresAt <= now {
			return bad("expires_at: it is not in the future (epoch milliseconds)")
		}
	}
	return t, nil
}

func (s *service) removeToken(ctx context.Context, in *struct {
	ID string `path:"t" doc:"id of the token"`
},
) (*result[removedToken], error) {
	who := callerOf(ctx)
	if err := s.Tokens.RemoveToken(ctx, who.Owner, who.Project, in.ID); err != nil {
		return nil, err
	}
	s.Sessions.Revoke(in.ID)
	return &result[removedToken]{removedToken{Deleted: true, ID: in.ID}}, nil
}
