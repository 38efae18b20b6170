package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/versions"
)

func showDeployment(d versions.Deployment) Deployment {
	shown := Deployment{
		ID: d.ID, Kind: d.Kind, Script: d.Script, To: d.To,
		Author: d.Author, Message: d.Message, CreatedAt: d.CreatedAt,
	}
	if d.From != 0 {
		shown.From = &d.From
	}
	return shown
}

func (s *service) listDeployments(ctx context.Context, in *struct {
	InProject
	Paged
},
) (*result[Page[Deployment]], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	rows, err := s.History.Deployments(ctx, p.ID, in.offset(), in.limit())
	if err != nil {
		return nil, err
	}
	return page(in.Paged, rows, showDeployment), nil
}

func (s *service) deploy(ctx context.Context, in *struct {
	InProject
	Body NewDeployment
},
) (*result[MadeDeployment], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	request, err := requestOf(in.Body)
	if err != nil {
		return nil, err
	}
	request.Project, request.Author = p.ID, callerOf(ctx).Name
	// A caller who leaves in mid-commit must not keep the commit from being told.
	rows, placed, err := s.Deployer.Deploy(context.WithoutCancel(ctx), request)
	if err != nil {
		return nil, err
	}
	s.announce(p.ID, rows, placed)
	return &result[MadeDeployment]{MadeDeployment{
		Deployments: each(rows, showDeployment),
		Devices: each(placed, func(p versions.Placement) PlacedDevice {
			return PlacedDevice{DeviceID: p.Device, Script: p.Script, Created: p.Created}
		}),
	}}, nil
}

// announce tells of what was committed, so that the next event runs the new
// code.
func (s *service) announce(project string, rows []versions.Deployment, placed []versions.Placement) {
	if len(rows) > 0 {
		s.Log.Info("deployed", "project", project, "kind", string(rows[0].Kind), "author", rows[0].Author,
			"scripts", each(rows, func(d versions.Deployment) string { return fmt.Sprintf("%s v%d", d.Script, d.To) }))
		s.Changes.Flipped(project, each(rows, func(d versions.Deployment) string { return d.Script }))
	}
	var moved []device.Key
	for _, p := range placed {
		if !p.Created {
			moved = append(moved, device.Key{Project: project, ID: p.Device})
		}
	}
	if len(moved) > 0 {
		s.Changes.Moved(moved)
	}
}

// requestOf is a deployment in the terms of versions, sorted by name.
func requestOf(d NewDeployment) (versions.Request, error) {
	r := versions.Request{Kind: d.Kind, Message: d.Message}
	bad := func(code, message string) (versions.Request, error) {
		return r, problem(http.StatusBadRequest, code, message)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Scripts)) {
		if d.Scripts[name] < 1 {
			return bad("invalid_request", "scripts."+name+": versions count from 1")
		}
		r.Flips = append(r.Flips, versions.Flip{Script: name, To: d.Scripts[name], Expect: expectation(d.Expect, name)})
	}
	for name := range d.Expect {
		if _, ok := d.Scripts[name]; !ok {
			return bad("invalid_request", "expect."+name+": it is not among the scripts")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.Devices)) {
		if _, err := device.ParseID(id); err != nil {
			return bad("invalid_device", "devices."+id+": "+err.Error())
		}
		if _, err := versions.ParseScript(d.Devices[id]); err != nil {
			return bad("invalid_script", "devices."+id+": "+err.Error())
		}
		r.Devices = append(r.Devices, versions.Placement{Device: id, Script: d.Devices[id]})
	}
	if len(r.Flips)+len(r.Devices) == 0 {
		return bad("invalid_request", "the deployment names no script and no device")
	}
	return r, nil
}

// expectation is nil where nothing is expected; null in the request expects that
// nothing is live.
func expectation(expect map[string]*int, name string) *int {
	want, ok := expect[name]
	switch {
	case !ok:
		return nil
	case want == nil:
		return new(int)
	}
	return want
}

func noScript(err error, name string) error {
	if errors.Is(err, versions.ErrNotFound) {
		return problem(http.StatusNotFound, "not_found", "no such script: "+name)
	}
	return err
}
