// Package api is the management HTTP API: its route table, its handlers and a
// client in Go.
//
// It knows no device socket, no SQL and no engine: it is handed what it calls.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/versions"
)

// Gate tells who an API token speaks for. Error: auth.ErrToken.
type Gate interface {
	Principal(ctx context.Context, token string) (auth.Principal, error)
}

// Projects keeps projects.
type Projects interface {
	// CreateProject makes a project. Error: auth.ErrExists.
	CreateProject(ctx context.Context, owner, slug string) (auth.Project, error)
	// Project finds a project by its slug. Error: auth.ErrNotFound.
	Project(ctx context.Context, owner, slug string) (auth.Project, error)
	// Projects lists an owner's projects by slug; only is an id, or "" for all.
	Projects(ctx context.Context, owner, only string, offset, limit int) ([]auth.Project, error)
}

// Devices keeps devices and the hashes of their tokens.
type Devices interface {
	// CreateDevice makes a device with its first token. Error: auth.ErrExists.
	CreateDevice(ctx context.Context, key device.Key, script string, token [32]byte) (device.Device, error)
	// Device finds a device. Error: dispatch.ErrNoDevice.
	Device(ctx context.Context, key device.Key) (device.Device, error)
	// Devices lists a project's devices by device id.
	Devices(ctx context.Context, project string, offset, limit int) ([]device.Device, error)
	// IssueToken adds a token. Without rotate the device must have none, else
	// auth.ErrExists; with it the newest of those it has stays valid and older ones
	// end and are returned. Error: dispatch.ErrNoDevice.
	IssueToken(ctx context.Context, key device.Key, token [32]byte, rotate bool) (ended [][32]byte, err error)
}

// Tokens keeps API tokens by their hashes. In its calls only is the id of the
// one project whose tokens are meant, or "" for all of the owner.
type Tokens interface {
	// AddToken makes the principal's TokenID; expires is epoch milliseconds or 0.
	AddToken(ctx context.Context, hash [32]byte, p auth.Principal, expires int64) (auth.Principal, error)
	// APITokens lists tokens, the newest first.
	APITokens(ctx context.Context, owner, only string, offset, limit int) ([]auth.Token, error)
	// RemoveToken ends a token. Errors: auth.ErrNotFound, auth.ErrLastAdmin.
	RemoveToken(ctx context.Context, owner, only, id string) error
}

// Owners keeps owners.
type Owners interface {
	// CreateOwner makes an owner with its first admin token. Error: auth.ErrExists.
	CreateOwner(ctx context.Context, name string, admin [32]byte) (auth.Owner, error)
	// Owners lists them by name.
	Owners(ctx context.Context, offset, limit int) ([]auth.Owner, error)
}

// Sessions ends the live connections of who was let in and lost the right. It is
// called when the store no longer knows them.
type Sessions interface {
	// Revoke ends those that these credentials let in; see auth.Pass.
	Revoke(credentials ...string)
	// Removed ends that of a device.
	Removed(key device.Key)
}

// Pairs reads what is committed of a device's key-value state.
type Pairs interface {
	// Pair returns the value of a key. Errors: auth.ErrNotFound, dispatch.ErrNoDevice.
	Pair(ctx context.Context, key device.Key, k string) ([]byte, error)
	// Pairs lists keys that begin with prefix and come behind after, in byte order.
	// Error: dispatch.ErrNoDevice.
	Pairs(ctx context.Context, key device.Key, prefix, after string, limit int) ([]runtime.KVPair, error)
}

// Logs reads log rows. Error: logs.ErrCursor.
type Logs interface {
	Logs(ctx context.Context, q logs.Query) (logs.Page, error)
}

// Deployer makes versions and makes them live; see versions.Deployer.
type Deployer interface {
	Make(ctx context.Context, s versions.Sources) (made []versions.Version, created []bool, err error)
	Deploy(ctx context.Context, r versions.Request) ([]versions.Deployment, []versions.Placement, error)
}

// History reads versions and deployments, newest first.
type History interface {
	// Versions lists a script's. Error: versions.ErrNotFound when it has none.
	Versions(ctx context.Context, project, script string, offset, limit int) ([]versions.Version, error)
	Deployments(ctx context.Context, project string, offset, limit int) ([]versions.Deployment, error)
}

// Control acts on a device through the owner of its mailbox. Its calls return
// dispatch.ErrNoDevice for a device that is not there.
type Control interface {
	// Send queues a command. Error: dispatch.ErrQueueFull.
	Send(ctx context.Context, key device.Key, cmd runtime.Command) (id, state string, err error)
	// PutKV writes a key; ttl 0 keeps it for ever. Errors: dispatch.ErrKVFull,
	// dispatch.ErrPrecondition.
	PutKV(ctx context.Context, key device.Key, k string, value []byte, ttl time.Duration, only dispatch.Condition) error
	// DeleteKV says whether the key was there. Error: dispatch.ErrPrecondition.
	DeleteKV(ctx context.Context, key device.Key, k string, only dispatch.Condition) (bool, error)
	// Remove closes the device's session and deletes the device, its state and its
	// tokens.
	Remove(ctx context.Context, key device.Key) error
}

// Changes hears of what was committed, before the caller is answered.
type Changes interface {
	// Flipped says that these scripts of a project have another live version.
	Flipped(project string, scripts []string)
	// Moved says that these devices may run another script.
	Moved(keys []device.Key)
}

// Presence knows who is connected.
type Presence interface {
	Connected(key device.Key) bool
}

// Config is what the API is made of. All fields but DeviceURL and Log are
// needed.
type Config struct {
	Gate     Gate
	Tokens   Tokens
	Owners   Owners
	Projects Projects
	Devices  Devices
	Sessions Sessions
	Pairs    Pairs
	Logs     Logs
	Deployer Deployer
	History  History
	Control  Control
	Changes  Changes
	Presence Presence
	// Ready says whether devices are accepted and a worker can run an event.
	Ready func(context.Context) bool
	// DeviceURL is where devices connect, ws:// or wss://. By default it is made of
	// the host that a request names.
	DeviceURL string
	Log       *slog.Logger
}

func (c *Config) complete() error {
	for _, needed := range []any{
		c.Gate, c.Tokens, c.Owners, c.Projects, c.Devices, c.Sessions, c.Pairs, c.Logs, c.Deployer, c.History, c.Control, c.Changes, c.Presence,
	} {
		if needed == nil {
			return errors.New("api: incomplete config")
		}
	}
	if c.Ready == nil {
		return errors.New("api: incomplete config: Ready")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// service is the handlers.
type service struct {
	Config
	api huma.API
	mux *mux
}

// New returns the handler of the whole API: /health and everything below /v1
// that it knows; for the rest it answers 404. It must not stand behind an
// http.ServeMux, which cleans paths and would change keys.
func New(c Config) (http.Handler, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	mux := &mux{log: c.Log}
	s := &service{Config: c, api: humago.New(mux, document()), mux: mux}
	s.routes()
	spec, err := s.api.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, err
	}
	mux.table = append(mux.table, route{http.MethodGet, "/v1/openapi.json", "openapi", open})
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(spec)
	})
	return mux, nil
}
