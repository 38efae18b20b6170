package auth

import (
	"errors"
	"slices"
)

// ErrScope is returned for a text that is no scope.
var ErrScope = errors.New("invalid scope: one of admin, deploy, read, connect")

// ParseScope checks a scope as it comes from outside.
func ParseScope(s string) (Scope, error) {
	switch scope := Scope(s); scope {
	case Admin, Deploy, Read, Attach:
		return scope, nil
	}
	return "", ErrScope
}

// Operates says whether the principal may see and make owners.
func (p Principal) Operates() bool {
	return p.Owner == DefaultOwner && p.Project == "" && p.May(Admin)
}

// May says whether the principal has a scope: by name, or because Admin implies
// all but Attach and Deploy implies Read.
func (p Principal) May(scope Scope) bool {
	if slices.Contains(p.Scopes, scope) {
		return true
	}
	switch scope {
	case Deploy:
		return slices.Contains(p.Scopes, Admin)
	case Read:
		return slices.Contains(p.Scopes, Admin) || slices.Contains(p.Scopes, Deploy)
	}
	return false
}

// Sees says whether a project lies within what the principal may touch. To a
// principal that does not see it, a project does not exist.
func (p Principal) Sees(project Project) bool {
	return p.Owner == project.Owner && (p.Project == "" || p.Project == project.ID)
}
