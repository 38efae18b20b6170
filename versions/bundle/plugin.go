package bundle

import (
	"encoding/json"
	"errors"
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Namespaces of esbuild's modules. None is "file", which esbuild would read from
// disk itself.
const (
	projectSpace = "project" // files of the project, by their paths
	virtualSpace = "tendril" // modules from inside the binary
	emptySpace   = "empty"   // what a package replaces by nothing
	entryPath    = "tendril:entry"
)

// Virtual modules.
const (
	entryModule  = "entry"
	deviceModule = "device"
)

// device is the module that scripts import as "tendril". Its types are in the
// declarations that the command line writes; at run time there is one class.
const device = `export class DeviceEntrypoint{constructor(env){this.env=env}}`

// plugin answers every question that esbuild could ask the disk.
func (p *project) plugin() api.Plugin {
	return api.Plugin{Name: "tendril", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: ".*"}, p.onResolve)
		for space, load := range map[string]func(string) (api.OnLoadResult, error){
			projectSpace: p.load,
			virtualSpace: p.loadVirtual,
			emptySpace:   loadEmpty,
			"file":       refuseDisk,
		} {
			build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: space}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
				p.mu.Lock()
				defer p.mu.Unlock()
				return load(args.Path)
			})
		}
	}}
}

func (p *project) onResolve(args api.OnResolveArgs) (api.OnResolveResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case args.Kind == api.ResolveEntryPoint:
		return api.OnResolveResult{Path: entryModule, Namespace: virtualSpace}, nil
	case args.Namespace == virtualSpace:
		return api.OnResolveResult{Path: p.script.Main, Namespace: projectSpace}, nil
	case args.Path == "tendril":
		return api.OnResolveResult{Path: deviceModule, Namespace: virtualSpace, SideEffects: api.SideEffectsFalse}, nil
	}
	to, err := p.resolve(args.Importer, args.Path, args.Kind)
	switch {
	case errors.Is(err, errUnresolved):
		// Without an answer esbuild reports "Could not resolve", but not for what stands
		// in a try block or has a catch: packages ask so for what is not there.
		return api.OnResolveResult{}, nil
	case err != nil:
		return api.OnResolveResult{Errors: []api.Message{{Text: err.Error(), Detail: err}}}, nil
	case to.empty:
		return api.OnResolveResult{Path: to.path, Namespace: emptySpace}, nil
	}
	result := api.OnResolveResult{Path: to.path, Namespace: projectSpace}
	if to.pure {
		result.SideEffects = api.SideEffectsFalse
	}
	return result, nil
}

func (p *project) load(name string) (api.OnLoadResult, error) {
	text, loader, err := p.source(name)
	if err != nil {
		return api.OnLoadResult{Errors: []api.Message{{Text: err.Error(), Detail: err}}}, nil
	}
	return api.OnLoadResult{Contents: &text, Loader: loader}, nil
}

func (p *project) loadVirtual(name string) (api.OnLoadResult, error) {
	text := device
	if name == entryModule {
		text = p.entry()
	}
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}

// entry is the module that hands the script's export to the engine.
func (p *project) entry() string {
	from, _ := json.Marshal("./" + path.Base(p.script.Main))
	clause := "entrypoint"
	if p.script.Export != "" {
		clause = "{" + p.script.Export + " as entrypoint}"
	}
	return "import " + clause + " from " + string(from) + ";__tendril_export(entrypoint)"
}

func loadEmpty(string) (api.OnLoadResult, error) {
	text := "module.exports={}"
	return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
}

// refuseDisk meets the one road on which esbuild asks no plugin: import() and
// require() of a pattern, which it matches against the disk.
func refuseDisk(string) (api.OnLoadResult, error) {
	return api.OnLoadResult{Errors: []api.Message{{Text: pattern}}}, nil
}

const pattern = "the argument of import() and require() has to be a string literal"

func isGlob(text string) bool {
	return strings.HasPrefix(text, `Could not resolve import("`) || strings.HasPrefix(text, `Could not resolve require("`)
}
