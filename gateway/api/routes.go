package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/wire"
)

// open is the scope of a route that needs no token.
const open auth.Scope = ""

// Limits of bodies: one document, an upload, and many small members. A command
// or value of the largest depth lies one deeper in its body.
var (
	plain  = bodyLimits{bytes: 128 << 10, json: wire.Limits{Depth: 33, Nodes: 10_010}}
	upload = bodyLimits{bytes: 40 << 20, json: wire.Limits{Depth: 8, Nodes: 40_000}}
	many   = bodyLimits{bytes: 4 << 20, json: wire.Limits{Depth: 8, Nodes: 50_000}}
)

// routes is the route table.
func (s *service) routes() {
	const (
		tokens   = "/v1/tokens"
		owners   = "/v1/owners"
		projects = "/v1/projects"
		project  = projects + "/{p}"
		device   = project + "/devices/{d}"
	)
	add(s, http.MethodGet, "/health", "health", open, 200, s.health)

	add(s, http.MethodGet, tokens, "list-tokens", auth.Admin, 200, s.listTokens)
	add(s, http.MethodPost, tokens, "create-token", auth.Admin, 201, s.createToken, plain)
	add(s, http.MethodDelete, tokens+"/{t}", "remove-token", auth.Admin, 200, s.removeToken)
	add(s, http.MethodGet, owners, "list-owners", auth.Admin, 200, s.listOwners)
	add(s, http.MethodPost, owners, "create-owner", auth.Admin, 201, s.createOwner, plain)

	add(s, http.MethodGet, projects, "list-projects", auth.Read, 200, s.listProjects)
	add(s, http.MethodPost, projects, "create-project", auth.Deploy, 201, s.createProject, plain)
	add(s, http.MethodGet, project, "get-project", auth.Read, 200, s.getProject)

	add(s, http.MethodGet, project+"/devices", "list-devices", auth.Read, 200, s.listDevices)
	add(s, http.MethodPost, project+"/devices", "create-device", auth.Admin, 201, s.createDevice, plain)
	add(s, http.MethodGet, device, "get-device", auth.Read, 200, s.getDevice)
	add(s, http.MethodDelete, device, "remove-device", auth.Admin, 200, s.removeDevice)
	add(s, http.MethodPost, device+"/token", "issue-device-token", auth.Admin, 201, s.issueToken, plain)
	add(s, http.MethodGet, device+"/logs", "read-logs", auth.Read, 200, s.readLogs)
	add(s, http.MethodGet, device+"/kv", "list-kv", auth.Read, 200, s.listPairs)
	add(s, http.MethodGet, device+"/kv/{key}", "get-kv", auth.Read, 200, s.getPair)
	add(s, http.MethodPut, device+"/kv/{key}", "put-kv", auth.Deploy, 200, s.putPair, plain)
	add(s, http.MethodDelete, device+"/kv/{key}", "delete-kv", auth.Deploy, 200, s.deletePair)
	add(s, http.MethodPost, device+"/commands", "send-command", auth.Deploy, 202, s.send, plain)

	add(s, http.MethodGet, project+"/scripts/{s}/versions", "list-versions", auth.Read, 200, s.listVersions)
	add(s, http.MethodPost, project+"/versions", "make-versions", auth.Deploy, 201, s.makeVersions, upload)
	add(s, http.MethodGet, project+"/deployments", "list-deployments", auth.Read, 200, s.listDeployments)
	add(s, http.MethodPost, project+"/deployments", "deploy", auth.Deploy, 201, s.deploy, many)
}

// add puts a route into the table. A body is read only with limits for it.
func add[In, Out any](s *service, method, path, id string, scope auth.Scope, status int,
	handle func(context.Context, *In) (*Out, error), body ...bodyLimits,
) {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, DefaultStatus: status,
		// The strict reader has read the body before, within its own bounds.
		MaxBodyBytes: -1, BodyReadTimeout: -1,
	}
	if scope != open {
		op.Security = []map[string][]string{{"token": {}}}
		op.Middlewares = append(op.Middlewares, s.guard(scope))
	}
	for _, limits := range body {
		op.Middlewares = append(op.Middlewares, strict(limits))
	}
	s.mux.table = append(s.mux.table, route{method, path, id, scope})
	huma.Register(s.api, op, func(ctx context.Context, in *In) (*Out, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, id, err)
		}
		return out, nil
	})
}
