package auth

import "slices"

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
