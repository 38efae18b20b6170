package api

import (
	"encoding/json"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/versions"
)

// Page is one page of a list that is counted in pages, from 1.
type Page[T any] struct {
	Items   []T  `json:"items"`
	Page    int  `json:"page"`
	PerPage int  `json:"per_page"`
	HasMore bool `json:"has_more"`
}

// Token is an API token as REST shows it. Project is the slug of the one it is
// for, nil for all; ExpiresAt nil is never.
type Token struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Scopes    []auth.Scope `json:"scopes"`
	Project   *string      `json:"project" nullable:"true"`
	CreatedAt int64        `json:"created_at"`
	ExpiresAt *int64       `json:"expires_at" nullable:"true"`
}

// NewToken asks for an API token of the caller's owner: for one project, or
// without one for all. Name becomes the author of what the token deploys.
type NewToken struct {
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes" doc:"of admin, deploy, read, connect"`
	Project   *string  `json:"project,omitempty" doc:"slug"`
	ExpiresAt *int64   `json:"expires_at,omitempty" doc:"epoch milliseconds"`
}

// MadeToken answers NewToken. Secret is the token itself, shown this once.
type MadeToken struct {
	Token
	Secret string `json:"token"`
}

// Owner is an owner as REST shows it.
type Owner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// MadeOwner is a new owner with the token of its first admin, shown this once.
type MadeOwner struct {
	Owner
	Token string `json:"token"`
}

// Project is a project as REST shows it. Times are epoch milliseconds
// everywhere.
type Project struct {
	ID        string `json:"id"`
	Slug      string `json:"project_slug"`
	CreatedAt int64  `json:"created_at"`
}

// Device is a device as REST shows it.
type Device struct {
	ID        string          `json:"id" doc:"opaque id of the row"`
	DeviceID  string          `json:"device_id"`
	Script    string          `json:"script"`
	Connected bool            `json:"connected"`
	LastSeen  *int64          `json:"last_seen" nullable:"true"`
	Metadata  json.RawMessage `json:"metadata" doc:"what the device said of itself, or null"`
	CreatedAt int64           `json:"created_at"`
}

// NewDevice asks for a device.
type NewDevice struct {
	DeviceID string `json:"device_id"`
	Script   string `json:"script"`
}

// MadeDevice answers NewDevice. Token is shown this once. Warning is set when
// the project has no such script yet.
type MadeDevice struct {
	Device
	Token   string `json:"token"`
	URL     string `json:"url" doc:"where the device connects"`
	Warning string `json:"warning,omitempty"`
}

// DeviceToken is a new token of a device, shown this once.
type DeviceToken struct {
	DeviceID string `json:"device_id"`
	Token    string `json:"token"`
}

// LogPage is a page of log rows, oldest first. Cursor points behind its last
// row.
type LogPage struct {
	Items  []logs.Row `json:"items"`
	Cursor string     `json:"cursor"`
}

// Pair is a key of a device with its value.
type Pair struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// PairPage is a page of keys in byte order. Cursor is nil on the last.
type PairPage struct {
	Items  []Pair  `json:"items"`
	Cursor *string `json:"cursor" nullable:"true"`
}

// Sent says what became of a command: queued or sent.
type Sent struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// ScriptSource says where a script of an upload begins. Digest, where set, is
// what the caller expects the server to compute.
type ScriptSource struct {
	Main   string `json:"main"`
	Export string `json:"export,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// NewVersions asks for a version of each script, made of the files.
type NewVersions struct {
	Files   map[string]string       `json:"files"`
	Scripts map[string]ScriptSource `json:"scripts"`
	Message string                  `json:"message,omitempty" maxLength:"4096"`
}

// MadeVersion is the version that an upload has: a new one, or with Created
// false the one that was there with the same content.
type MadeVersion struct {
	Script   string          `json:"script"`
	Version  int             `json:"version"`
	UUID     string          `json:"uuid"`
	Digest   string          `json:"digest"`
	Created  bool            `json:"created"`
	Size     int             `json:"size" doc:"bytes of the bundle"`
	Handlers []string        `json:"handlers"`
	Crons    []versions.Cron `json:"crons"`
	Compiler string          `json:"compiler"`
}

// MadeVersions answers NewVersions, sorted by script.
type MadeVersions struct {
	Versions []MadeVersion `json:"versions"`
}

// Version is a row of a script's versions.
type Version struct {
	Version   int    `json:"version"`
	UUID      string `json:"uuid"`
	Digest    string `json:"digest"`
	Active    bool   `json:"active"`
	CreatedAt int64  `json:"created_at"`
	Message   string `json:"message"`
	Author    string `json:"author"`
	Size      int    `json:"size" doc:"bytes of the bundle"`
}

// Deployment is a row of history. From is nil for a script's first.
type Deployment struct {
	ID        string        `json:"id"`
	Kind      versions.Kind `json:"kind"`
	Script    string        `json:"script"`
	From      *int          `json:"from" nullable:"true"`
	To        int           `json:"to"`
	Author    string        `json:"author"`
	Message   string        `json:"message"`
	CreatedAt int64         `json:"created_at"`
}

// NewDeployment asks for flips of scripts, all or none. Expect names what must
// be live for that; a nil number expects nothing to be live. Devices are made
// with their script, or moved to it, in the same transaction.
type NewDeployment struct {
	Kind    versions.Kind     `json:"kind" enum:"deploy,activate,rollback"`
	Scripts map[string]int    `json:"scripts"`
	Expect  map[string]*int   `json:"expect,omitempty"`
	Devices map[string]string `json:"devices,omitempty"`
	Message string            `json:"message,omitempty" maxLength:"4096"`
}

// MadeDeployment answers NewDeployment: a row per script flipped, none for one
// that was there already, and every device named.
type MadeDeployment struct {
	Deployments []Deployment   `json:"deployments"`
	Devices     []PlacedDevice `json:"devices"`
}

// PlacedDevice says which script a device of a deployment runs now.
type PlacedDevice struct {
	DeviceID string `json:"device_id"`
	Script   string `json:"script"`
	Created  bool   `json:"created"`
}
