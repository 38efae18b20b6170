package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

// compiler makes a bundle of a folder's sources, and tells which files it is
// made of. Its errors about the sources are *versions.SourceError.
type compiler interface {
	CompileDir(ctx context.Context, root string, script versions.Script) (versions.Bundle, []versions.File, error)
}

// deployed is the result of a deploy.
type deployed struct {
	Project string           `json:"project"`
	Scripts []deployedScript `json:"scripts"`
	Devices []deployedDevice `json:"devices"`
}

// deployedScript is one script of it. Previous is the version that was active
// before, nil for none. Created is false when the content was there already.
type deployedScript struct {
	Script   string     `json:"script"`
	Version  int        `json:"version"`
	Digest   string     `json:"digest"`
	Created  bool       `json:"created"`
	Previous *int       `json:"previous"`
	Size     int        `json:"size"`
	MS       deployedMS `json:"ms"`
}

// deployedMS is how long the steps took, in milliseconds: Compile is the
// script's own, the others are those of the whole deploy.
type deployedMS struct {
	Compile  float64 `json:"compile"`
	Upload   float64 `json:"upload"`
	Activate float64 `json:"activate"`
}

type deployedDevice struct {
	ID      string `json:"id"`
	Script  string `json:"script"`
	Created bool   `json:"created"`
}

// changed says whether a deploy did anything.
func (d deployed) changed() bool {
	for _, s := range d.Scripts {
		if s.Previous == nil || *s.Previous != s.Version {
			return true
		}
	}
	for _, device := range d.Devices {
		if device.Created {
			return true
		}
	}
	return false
}

// deploy is what is to be deployed, and what must be active for it where the
// author said so.
type deploy struct {
	project  project
	expect   map[string]*int
	message  string
	compiler compiler
}

// run compiles here, to find errors and the files, uploads those files, and
// activates what the server made of them, all scripts or none. What was active
// when it began must still be active when it ends.
func (d deploy) run(ctx context.Context, t target) (deployed, error) {
	if len(d.project.Scripts) == 0 {
		return deployed{}, &versions.SourceError{File: projectFile, Message: "the project has no scripts"}
	}
	active, exists, err := d.active(ctx, t)
	if err != nil {
		return deployed{}, t.failed(ctx, "deploy "+t.project, err)
	}
	local, upload, err := d.compile(ctx)
	if err != nil {
		return deployed{}, err
	}
	if !exists {
		if _, err := t.CreateProject(ctx, t.project); err != nil && code(err) != "exists" {
			return deployed{}, t.failed(ctx, "make project "+t.project, err)
		}
	}
	started := time.Now()
	made, err := t.MakeVersions(ctx, t.project, upload)
	if err != nil {
		return deployed{}, t.failed(ctx, "deploy "+t.project, err)
	}
	uploaded := time.Now()
	request, err := d.request(made, local, active)
	if err != nil {
		return deployed{}, err
	}
	flipped, err := t.Deploy(ctx, t.project, request)
	if err != nil {
		return deployed{}, t.failed(ctx, "deploy "+t.project, err)
	}
	return d.result(made, flipped, active, local, uploaded.Sub(started), time.Since(uploaded)), nil
}

// active reads which versions are active now, nil for none.
func (d deploy) active(ctx context.Context, t target) (active map[string]*int, exists bool, err error) {
	active = make(map[string]*int, len(d.project.Scripts))
	for _, s := range d.project.Scripts {
		active[s.Name] = nil
	}
	if _, err := t.Project(ctx, t.project); err != nil {
		if code(err) == "not_found" {
			return active, false, nil
		}
		return nil, false, err
	}
	for name := range active {
		rows, err := all(func(page, perPage int) (api.Page[api.Version], error) {
			return t.Versions(ctx, t.project, name, page, perPage)
		})
		if err != nil && code(err) != "not_found" {
			return nil, true, err
		}
		for _, v := range rows {
			if v.Active {
				active[name] = &v.Version
			}
		}
	}
	return active, true, nil
}

// compiled is a script as it was compiled here.
type compiled struct {
	digest string
	took   time.Duration
}

// compile compiles every script and gathers the files that they are made of.
func (d deploy) compile(ctx context.Context) (map[string]compiled, api.NewVersions, error) {
	local := make(map[string]compiled, len(d.project.Scripts))
	upload := api.NewVersions{Files: map[string]string{}, Scripts: map[string]api.ScriptSource{}, Message: d.message}
	for _, s := range d.project.Scripts {
		started := time.Now()
		_, files, err := d.compiler.CompileDir(ctx, d.project.Root, s)
		if err != nil {
			return nil, upload, fmt.Errorf("compile %s: %w", s.Name, err)
		}
		digest := versions.Digest(s, files)
		local[s.Name] = compiled{digest: digest, took: time.Since(started)}
		upload.Scripts[s.Name] = api.ScriptSource{Main: s.Main, Export: s.Export, Digest: digest}
		for _, f := range files {
			if before, ok := upload.Files[f.Path]; ok && before != string(f.Data) {
				return nil, upload, &versions.SourceError{File: f.Path, Message: "the file was changed while it was read; deploy again"}
			}
			upload.Files[f.Path] = string(f.Data)
		}
	}
	return local, upload, nil
}

// request asks for what the server made, once it is sure that both sides mean
// the same content.
func (d deploy) request(made api.MadeVersions, local map[string]compiled, active map[string]*int) (api.NewDeployment, error) {
	r := api.NewDeployment{
		Kind: versions.Deploy, Message: d.message,
		Scripts: map[string]int{}, Expect: map[string]*int{}, Devices: map[string]string{},
	}
	for _, v := range made.Versions {
		if here := local[v.Script].digest; here != v.Digest {
			return r, problem{
				Code: "digest_mismatch", Script: v.Script,
				Message: fmt.Sprintf("deploy %s: the server read other content (%.12s) than was compiled here (%.12s)", v.Script, v.Digest, here),
				Hint:    "nothing was activated; are this tendril and the server's of one version?",
			}
		}
		r.Scripts[v.Script] = v.Version
	}
	for _, s := range d.project.Scripts {
		if _, ok := r.Scripts[s.Name]; !ok {
			return r, problem{Code: "no_version", Script: s.Name, Message: fmt.Sprintf("deploy %s: the server made no version of it", s.Name)}
		}
		r.Expect[s.Name] = active[s.Name]
		if expected, ok := d.expect[s.Name]; ok {
			r.Expect[s.Name] = expected
		}
	}
	for _, p := range d.project.Devices {
		r.Devices[p.Device] = p.Script
	}
	return r, nil
}

func (d deploy) result(made api.MadeVersions, flipped api.MadeDeployment, active map[string]*int, local map[string]compiled, upload, activate time.Duration) deployed {
	out := deployed{Project: d.project.Name, Scripts: []deployedScript{}, Devices: []deployedDevice{}}
	for _, v := range made.Versions {
		out.Scripts = append(out.Scripts, deployedScript{
			Script: v.Script, Version: v.Version, Digest: v.Digest, Created: v.Created,
			Previous: active[v.Script], Size: v.Size,
			MS: deployedMS{Compile: millis(local[v.Script].took), Upload: millis(upload), Activate: millis(activate)},
		})
	}
	for _, p := range flipped.Devices {
		out.Devices = append(out.Devices, deployedDevice{ID: p.DeviceID, Script: p.Script, Created: p.Created})
	}
	return out
}

// millis is a duration in milliseconds, to the tenth.
func millis(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond).Microseconds()) / 1e3
}
