package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// LogQuery asks for log rows. With neither Cursor nor Since it is the newest
// page. The zero of each field leaves it to the server.
type LogQuery struct {
	Limit  int // at most logs.MaxLimit
	Cursor string
	Since  int64 // epoch milliseconds
	Level  runtime.Level
}

// PairQuery asks for keys. After and Cursor exclude each other.
type PairQuery struct {
	Prefix string
	After  string // keys behind this one
	Cursor string
	Limit  int // at most 1,000
}

// NewCommand asks for a command. Command is sent as it is. The zero TTL is the
// server's default.
type NewCommand struct {
	Command json.RawMessage
	TTL     time.Duration
	Key     string
}

// Tokens lists the API tokens that the token may see, the newest first.
func (c *Client) Tokens(ctx context.Context, page, perPage int) (list Page[Token], err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/tokens"+pageQuery(page, perPage), nil, &list)
}

// CreateToken makes an API token.
func (c *Client) CreateToken(ctx context.Context, t NewToken) (made MadeToken, err error) {
	return made, c.call(ctx, http.MethodPost, "/v1/tokens", t, &made)
}

// RemoveToken ends an API token and the connections it let in. Code of the
// owner's last admin: "last_admin".
func (c *Client) RemoveToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// Owners lists the owners, by name.
func (c *Client) Owners(ctx context.Context, page, perPage int) (list Page[Owner], err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/owners"+pageQuery(page, perPage), nil, &list)
}

// CreateOwner makes an owner with the token of its first admin.
func (c *Client) CreateOwner(ctx context.Context, name string) (made MadeOwner, err error) {
	return made, c.call(ctx, http.MethodPost, "/v1/owners", map[string]string{"name": name}, &made)
}

// Projects lists the projects the token may see, by slug.
func (c *Client) Projects(ctx context.Context, page, perPage int) (list Page[Project], err error) {
	return list, c.call(ctx, http.MethodGet, "/v1/projects"+pageQuery(page, perPage), nil, &list)
}

// CreateProject makes a project. Code of an existing one: "exists".
func (c *Client) CreateProject(ctx context.Context, slug string) (p Project, err error) {
	return p, c.call(ctx, http.MethodPost, "/v1/projects", map[string]string{"project_slug": slug}, &p)
}

// Project finds a project.
func (c *Client) Project(ctx context.Context, slug string) (p Project, err error) {
	return p, c.call(ctx, http.MethodGet, project(slug), nil, &p)
}

// Devices lists a project's devices, by device id.
func (c *Client) Devices(ctx context.Context, slug string, page, perPage int) (list Page[Device], err error) {
	return list, c.call(ctx, http.MethodGet, project(slug)+"/devices"+pageQuery(page, perPage), nil, &list)
}

// CreateDevice makes a device with its first token.
func (c *Client) CreateDevice(ctx context.Context, slug string, d NewDevice) (made MadeDevice, err error) {
	return made, c.call(ctx, http.MethodPost, project(slug)+"/devices", d, &made)
}

// Device finds a device.
func (c *Client) Device(ctx context.Context, slug, id string) (d Device, err error) {
	return d, c.call(ctx, http.MethodGet, devicePath(slug, id), nil, &d)
}

// RemoveDevice closes the device's session and deletes the device with its
// state and tokens.
func (c *Client) RemoveDevice(ctx context.Context, slug, id string) error {
	return c.call(ctx, http.MethodDelete, devicePath(slug, id), nil, nil)
}

// IssueToken makes the first token of a device that has none (else code
// "token_exists"), or with rotate a further one; the one before it stays valid
// until the next rotation.
func (c *Client) IssueToken(ctx context.Context, slug, id string, rotate bool) (t DeviceToken, err error) {
	return t, c.call(ctx, http.MethodPost, devicePath(slug, id)+"/token", map[string]bool{"rotate": rotate}, &t)
}

// Logs reads a device's log, oldest first.
func (c *Client) Logs(ctx context.Context, slug, id string, q LogQuery) (page LogPage, err error) {
	v := url.Values{}
	setNumber(v, "limit", int64(q.Limit))
	setText(v, "cursor", q.Cursor)
	setNumber(v, "since", q.Since)
	setText(v, "level", string(q.Level))
	return page, c.call(ctx, http.MethodGet, devicePath(slug, id)+"/logs"+encodeQuery(v), nil, &page)
}

// Pairs lists a device's keys with their values.
func (c *Client) Pairs(ctx context.Context, slug, id string, q PairQuery) (page PairPage, err error) {
	v := url.Values{}
	setText(v, "prefix", q.Prefix)
	setText(v, "after", q.After)
	setText(v, "cursor", q.Cursor)
	setNumber(v, "limit", int64(q.Limit))
	return page, c.call(ctx, http.MethodGet, devicePath(slug, id)+"/kv"+encodeQuery(v), nil, &page)
}

// Pair reads one key of a device. Code of a missing one: "not_found".
func (c *Client) Pair(ctx context.Context, slug, id, key string) (p Pair, err error) {
	return p, c.call(ctx, http.MethodGet, keyPath(slug, id, key), nil, &p)
}

// PutPair writes one key of a device. Value is sent as it is; the zero ttl is
// for ever.
func (c *Client) PutPair(ctx context.Context, slug, id, key string, value json.RawMessage, ttl time.Duration) error {
	body, err := object{"value", value, "ttl", ttl.Milliseconds()}.encode()
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPut, keyPath(slug, id, key), body, nil)
}

// DeletePair deletes one key of a device. Code of a missing one: "not_found".
func (c *Client) DeletePair(ctx context.Context, slug, id, key string) error {
	return c.call(ctx, http.MethodDelete, keyPath(slug, id, key), nil, nil)
}

// Send sends a command to a device, now or when it connects.
func (c *Client) Send(ctx context.Context, slug, id string, command NewCommand) (s Sent, err error) {
	body, err := object{"command", command.Command, "ttl", command.TTL.Milliseconds(), "key", command.Key}.encode()
	if err != nil {
		return s, err
	}
	return s, c.call(ctx, http.MethodPost, devicePath(slug, id)+"/commands", body, &s)
}

// MakeVersions uploads sources and makes a version of each script, active for
// nobody. Code of sources that do not compile or load: "compile_error".
func (c *Client) MakeVersions(ctx context.Context, slug string, v NewVersions) (made MadeVersions, err error) {
	return made, c.call(ctx, http.MethodPost, project(slug)+"/versions", v, &made)
}

// Versions lists a script's versions, newest first.
func (c *Client) Versions(ctx context.Context, slug, script string, page, perPage int) (list Page[Version], err error) {
	path := project(slug) + "/scripts/" + url.PathEscape(script) + "/versions"
	return list, c.call(ctx, http.MethodGet, path+pageQuery(page, perPage), nil, &list)
}

// Deploy flips scripts to versions, all or none. Code of a stale expectation:
// "conflict".
func (c *Client) Deploy(ctx context.Context, slug string, d NewDeployment) (made MadeDeployment, err error) {
	return made, c.call(ctx, http.MethodPost, project(slug)+"/deployments", d, &made)
}

// Deployments lists a project's history, newest first.
func (c *Client) Deployments(ctx context.Context, slug string, page, perPage int) (list Page[Deployment], err error) {
	return list, c.call(ctx, http.MethodGet, project(slug)+"/deployments"+pageQuery(page, perPage), nil, &list)
}
