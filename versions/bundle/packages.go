package bundle

import (
	"errors"
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// resolveBare finds a package from a folder upward, then the package of the folder
// itself under its own name.
func (p *project) resolveBare(scope *manifest, dir, spec string, kind api.ResolveKind) (target, error) {
	if to, ok := scope.replacement(spec); ok {
		switch {
		case to == "":
			return target{path: spec, empty: true}, nil
		case isRelative(to):
			found, err := p.file(path.Join(scope.dir, to), false, kind)
			return target{path: found, pure: scope.pure}, err
		}
		spec = to
	}
	found, err := p.resolvePackage(dir, spec, kind)
	if !errors.Is(err, errUnresolved) {
		return found, err
	}
	return p.resolveSelf(dir, spec, kind)
}

// splitPackage divides "@scope/name/x" into "@scope/name" and "./x" ("." without x).
func splitPackage(spec string) (name, subpath string, ok bool) {
	name, rest, _ := strings.Cut(spec, "/")
	if strings.HasPrefix(name, "@") {
		second, last, _ := strings.Cut(rest, "/")
		if second == "" {
			return "", "", false
		}
		name, rest = name+"/"+second, last
	}
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(spec, "\\%\x00") {
		return "", "", false
	}
	if rest == "" {
		return name, ".", true
	}
	return name, "./" + rest, true
}

func (p *project) resolvePackage(dir, spec string, kind api.ResolveKind) (target, error) {
	name, subpath, ok := splitPackage(spec)
	if !ok {
		return target{}, errUnresolved
	}
	for ; ; dir = path.Dir(dir) {
		if path.Base(dir) != "node_modules" {
			home := path.Join(dir, "node_modules", name)
			m, err := p.readManifest(home)
			if err != nil {
				return target{}, err
			}
			found, err := p.resolveIn(m, home, subpath, kind)
			if !errors.Is(err, errUnresolved) {
				return found, err
			}
		}
		if dir == "." {
			return target{}, errUnresolved
		}
	}
}

// installed says whether the project has a package in place of a module of Node.
func (p *project) installed(dir, spec string) bool {
	_, err := p.resolvePackage(dir, spec, api.ResolveJSImportStatement)
	return err == nil
}

// resolveIn finds a subpath of the package in a folder.
func (p *project) resolveIn(m *manifest, home, subpath string, kind api.ResolveKind) (target, error) {
	if m != nil && m.exports != nil {
		return p.resolveExport(m, subpath, kind)
	}
	if subpath == "." {
		found, err := p.file(home, m != nil, kind)
		if err != nil {
			return target{}, err
		}
		return p.replaced(m, found, kind)
	}
	found, err := p.file(path.Join(home, subpath), strings.HasSuffix(subpath, "/"), kind)
	if err != nil {
		return target{}, err
	}
	if path.Base(found) != "package.json" {
		scope, err := p.scope(path.Dir(found))
		if err != nil {
			return target{}, err
		}
		m = scope
	}
	return p.replaced(m, found, kind)
}

func (p *project) resolveExport(m *manifest, subpath string, kind api.ResolveKind) (target, error) {
	file := path.Join(m.dir, "package.json")
	to := m.export(subpath, kind)
	if to == "" {
		return target{}, refusalf("%s does not export %q", file, subpath)
	}
	return p.resolveTarget(m, file, to)
}

// resolveTarget follows a target of "exports" or "imports", which is an exact path.
func (p *project) resolveTarget(m *manifest, file, to string) (target, error) {
	found := m.inside(to)
	if found == "" {
		return target{}, refusalf("%s: the target %q does not begin with ./ or leads out of the package", file, to)
	}
	switch there, err := p.exists(found); {
	case err != nil:
		return target{}, err
	case !there:
		return target{}, refusalf("%s: the target %q does not exist", file, to)
	}
	scope, err := p.scope(path.Dir(found))
	if err != nil {
		return target{}, err
	}
	return target{path: found, pure: scope != nil && scope.pure}, nil
}

// nearest returns the package.json of a folder or of the first folder above it that
// has one, within the package.
func (p *project) nearest(dir string) (*manifest, error) {
	for path.Base(dir) != "node_modules" {
		if m, err := p.readManifest(dir); m != nil || err != nil {
			return m, err
		}
		if dir == "." {
			break
		}
		dir = path.Dir(dir)
	}
	return nil, nil
}

// resolveSelf finds a package's own exports under its own name.
func (p *project) resolveSelf(dir, spec string, kind api.ResolveKind) (target, error) {
	name, subpath, ok := splitPackage(spec)
	if !ok {
		return target{}, errUnresolved
	}
	m, err := p.nearest(dir)
	if err != nil {
		return target{}, err
	}
	if m == nil || m.name != name || m.exports == nil {
		return target{}, errUnresolved
	}
	return p.resolveExport(m, subpath, kind)
}

// resolveImports finds what the package's "imports" name with "#x".
func (p *project) resolveImports(dir, spec string, kind api.ResolveKind) (target, error) {
	m, err := p.nearest(dir)
	if err != nil {
		return target{}, err
	}
	if m == nil || m.imports == nil {
		return target{}, errUnresolved
	}
	file := path.Join(m.dir, "package.json")
	to := lookup(m.imports, spec, conditions(kind))
	switch {
	case to == "":
		return target{}, refusalf("%s has no import %q", file, spec)
	case strings.HasPrefix(to, "./"):
		return p.resolveTarget(m, file, to)
	case isNode(to) || isURL(to) || strings.HasPrefix(to, "#") || strings.HasPrefix(to, "/"):
		return target{}, refusalf("%s: the import %q leads to %q, which cannot be imported", file, spec, to)
	}
	return p.resolvePackage(m.dir, to, kind)
}
