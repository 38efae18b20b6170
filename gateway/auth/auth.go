// Package auth knows owners, projects and tokens: who may do what to whose
// things.
//
// It knows no HTTP and no database.
package auth

import (
	"context"
	"errors"

	"github.com/tendril-run/tendril/gateway/device"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrToken is returned for every credential that opens nothing: unknown,
	// malformed, expired or revoked. Callers must not tell these apart.
	ErrToken = errors.New("invalid token")
)

// Owner is a namespace of projects and tokens. A new server has one, "default".
type Owner struct {
	ID   string
	Name string
}

// Project holds scripts, devices and variables of one owner. ID is internal and
// never changes (^[a-z0-9]{1,26}$); the slug is unique within its owner.
type Project struct {
	ID        string
	Owner     string // id
	Slug      string
	CreatedAt int64 // epoch milliseconds
}

// Scope is one thing an API token may do.
type Scope string

// The scopes. Admin implies all others but Connect, which is never implied.
const (
	Admin  Scope = "admin"
	Deploy Scope = "deploy"
	Read   Scope = "read"
	Attach Scope = "connect"
)

// Principal is who a valid API token speaks for. Project is "" for all projects
// of the owner.
type Principal struct {
	TokenID string
	Name    string // becomes the author of deployments
	Owner   string
	Project string
	Scopes  []Scope
}

// Kind is the kind of a token, told by its prefix.
type Kind string

// The kinds of tokens.
const (
	DeviceToken    Kind = "tdt_"
	APIToken       Kind = "tat_"
	ProvisionToken Kind = "tpt_"
)

// Tokens finds who a token speaks for. Implementations look up the SHA-256 of
// the token's text; Check has refused malformed ones before.
type Tokens interface {
	// DeviceByToken returns the device that a device token names. Error: ErrToken.
	DeviceByToken(ctx context.Context, hash [32]byte) (device.Key, error)
	// PrincipalByToken returns who an API token speaks for. Error: ErrToken.
	PrincipalByToken(ctx context.Context, hash [32]byte) (Principal, error)
}
