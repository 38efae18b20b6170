package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tailscale/hujson"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/versions"
)

// projectFile is the name of the file that makes a folder a project.
const projectFile = "tendril.jsonc"

// project is what a project file says, in its order. Root is the folder it lies
// in.
type project struct {
	Root    string
	Name    string
	Scripts []versions.Script
	Devices []placement
}

// placement says which script a device runs.
type placement struct{ Device, Script string }

var errNoProject = errors.New("no " + projectFile + " here or in a folder above")

// findProject reads the project file found upward from a folder. Its error is
// errNoProject where there is none, and a *versions.SourceError where the file
// is wrong.
func findProject(dir string) (project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return project{}, err
	}
	if info, err := os.Stat(dir); err != nil {
		return project{}, err
	} else if !info.IsDir() {
		return project{}, fmt.Errorf("%s is not a folder", dir)
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, projectFile))
		switch {
		case err == nil:
			p, err := parseProject(data)
			p.Root = dir
			return p, err
		case !errors.Is(err, fs.ErrNotExist):
			return project{}, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return project{}, errNoProject
		}
		dir = parent
	}
}

// parseProject reads a project file.
func parseProject(data []byte) (project, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := reader{data: data}
	v, err := hujson.Parse(data)
	if err != nil {
		return project{}, r.syntax(err)
	}
	var p project
	r.object(v, "the project", func(m member) {
		switch m.name {
		case "project":
			p.Name = r.text(m)
			_, err := auth.ParseSlug(p.Name)
			r.check(m, err)
		case "scripts":
			r.object(m.value, "scripts", func(m member) { p.Scripts = append(p.Scripts, r.script(m)) })
		case "devices":
			r.object(m.value, "devices", func(m member) { p.Devices = append(p.Devices, r.device(m)) })
		case "$schema":
			r.text(m)
		default:
			r.unknown(m, "project, scripts, devices, $schema")
		}
	})
	if r.err == nil && p.Name == "" {
		r.fail(v.StartOffset, `missing field "project"`)
	}
	if r.err != nil {
		return project{}, r.err
	}
	return p, nil
}

func (r *reader) script(m member) versions.Script {
	s := versions.Script{Name: m.name}
	_, err := versions.ParseScript(m.name)
	r.check(m, err)
	r.object(m.value, "script "+m.name, func(m member) {
		switch m.name {
		case "main":
			s.Main = path.Clean(r.text(m))
			if !fs.ValidPath(s.Main) || s.Main == "." || strings.Contains(s.Main, `\`) {
				r.fail(m.value.StartOffset, "main must be a path inside the project, with /")
			}
		case "export":
			s.Export = r.text(m)
		default:
			r.unknown(m, "main, export")
		}
	})
	if s.Main == "" {
		r.fail(m.value.StartOffset, fmt.Sprintf(`missing field "main" of script %q`, m.name))
	}
	return s
}

func (r *reader) device(m member) placement {
	_, err := device.ParseID(m.name)
	r.check(m, err)
	p := placement{Device: m.name, Script: r.text(m)}
	_, err = versions.ParseScript(p.Script)
	r.check(m, err)
	return p
}
