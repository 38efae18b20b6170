// Package auth knows owners, projects and tokens: who may do what to whose
// things.
//
// It knows no HTTP and no database.
package auth

import (
	"context"
	"errors"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrToken is returned for every credential that opens nothing: unknown,
	// malformed, expired or revoked. Callers must not tell these apart.
	ErrToken = errors.New("invalid token")
	// ErrLastAdmin keeps an owner from locking itself out.
	ErrLastAdmin = errors.New("this is the owner's last admin token that never expires")
)

// DefaultOwner is the id of the owner that a new server has. Its admins, unless
// they are for one project, may make other owners.
const DefaultOwner = "default"

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

// Token is an API token as it is kept: all but its text. Project is the slug, ""
// for all of the owner's projects; times are epoch milliseconds, ExpiresAt 0 is
// never.
type Token struct {
	ID        string
	Name      string
	Project   string
	Scopes    []Scope
	CreatedAt int64
	ExpiresAt int64
}

// Pass is what a valid credential opens at a device's door. Whoever keeps the
// door open ends it when the Credential is revoked.
type Pass struct {
	Device     device.Key
	Credential string
	// Checked is a moment before the store was asked.
	Checked time.Time
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
// the token's text, so that the time it takes tells nothing about the text;
// Check has refused malformed ones before.
type Tokens interface {
	// DeviceByToken returns the device that a device token names. Error: ErrToken.
	DeviceByToken(ctx context.Context, hash [32]byte) (device.Key, error)
	// PrincipalByToken returns who an API token speaks for. Error: ErrToken.
	PrincipalByToken(ctx context.Context, hash [32]byte) (Principal, error)
}
