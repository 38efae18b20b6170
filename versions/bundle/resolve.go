package bundle

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// errUnresolved says that nothing answers to an import. esbuild reports it, or not
// where the code is prepared for it.
var errUnresolved = errors.New("unresolved")

// target is where an import leads.
type target struct {
	path  string
	empty bool // replaced by an empty module
	pure  bool // of a package without side effects: dropped if unused
}

// resolve finds the file that an import names, as TypeScript and bundlers for
// browsers do. importer is a file of the project.
func (p *project) resolve(importer, spec string, kind api.ResolveKind) (target, error) {
	dir := path.Dir(importer)
	switch {
	case strings.HasPrefix(spec, "/"):
		return target{}, refusalf("%q is an absolute path: import files of the project by relative paths", spec)
	case isNode(spec) && (strings.HasPrefix(spec, "node:") || !inPackage(importer) && !p.installed(dir, spec)):
		if inPackage(importer) {
			return target{}, errUnresolved
		}
		return target{}, refusalf("%s", noNode(spec))
	case isURL(spec):
		return target{}, refusalf("%q is a URL: import files of the project or packages of its node_modules", spec)
	}
	scope, err := p.scope(dir)
	if err != nil {
		return target{}, err
	}
	switch {
	case isRelative(spec):
		return p.resolveRelative(scope, dir, spec, kind)
	case strings.HasPrefix(spec, "#"):
		return p.resolveImports(dir, spec, kind)
	}
	return p.resolveBare(scope, dir, spec, kind)
}

func isRelative(spec string) bool {
	return spec == "." || spec == ".." || strings.HasPrefix(spec, "./") || strings.HasPrefix(spec, "../")
}

// isURL says whether a specifier begins with a scheme.
func isURL(spec string) bool {
	scheme, _, ok := strings.Cut(spec, ":")
	return ok && !strings.ContainsFunc(scheme, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
	})
}

// scope returns the package.json nearest to a folder of a package. The project's
// own is not looked for: its other fields change too often to be part of a
// script's content.
func (p *project) scope(dir string) (*manifest, error) {
	for inPackage(dir) && path.Base(dir) != "node_modules" {
		if m, err := p.readManifest(dir); m != nil || err != nil {
			return m, err
		}
		dir = path.Dir(dir)
	}
	return nil, nil
}

func (p *project) resolveRelative(scope *manifest, dir, spec string, kind api.ResolveKind) (target, error) {
	base := path.Join(dir, spec)
	if base == ".." || strings.HasPrefix(base, "../") {
		return target{}, refusalf("%q leads out of the project folder", spec)
	}
	found, err := p.file(base, strings.HasSuffix(spec, "/"), kind)
	if err != nil {
		return target{}, err
	}
	return p.replaced(scope, found, kind)
}

// replaced applies the package's "browser" field to a file of it.
func (p *project) replaced(scope *manifest, found string, kind api.ResolveKind) (target, error) {
	at := target{path: found, pure: scope != nil && scope.pure}
	if scope == nil || scope.browser == nil {
		return at, nil
	}
	local := "./" + strings.TrimPrefix(found, scope.dir+"/")
	short := strings.TrimSuffix(local, path.Ext(local))
	to, ok := scope.replacement(local, short, strings.TrimSuffix(short, "/index"))
	if !ok {
		return at, nil
	}
	// The file that is replaced decided where the import leads: it belongs to the closure.
	if err := p.use(found); err != nil {
		return target{}, err
	}
	if to == "" {
		return target{path: found, empty: true}, nil
	}
	var err error
	at.path, err = p.file(path.Join(scope.dir, to), false, kind)
	return at, err
}

// file finds the file that a path without "..", perhaps without extension, names:
// itself, the TypeScript file that a name in JavaScript stands for, with an
// extension, or as a folder.
func (p *project) file(base string, folder bool, kind api.ResolveKind) (string, error) {
	if !folder && base != "." {
		if found, err := p.fileExact(base); found != "" || err != nil {
			return found, err
		}
	}
	m, err := p.readManifest(base)
	if err != nil {
		return "", err
	}
	if m != nil {
		if found, err := p.mainFile(m, kind); found != "" || err != nil {
			return found, err
		}
	}
	return p.firstFile(path.Join(base, "index"), extensionsAt(base))
}

// fileExact is file without folders; "" if there is none.
func (p *project) fileExact(base string) (string, error) {
	if found, err := p.exists(base); found || err != nil {
		return base, err
	}
	if !inPackage(base) {
		ext := path.Ext(base)
		written := map[string][]string{".js": {".ts", ".tsx"}, ".jsx": {".tsx"}, ".mjs": {".mts"}, ".cjs": {".cts"}}
		found, err := p.firstFile(strings.TrimSuffix(base, ext), written[ext])
		if !errors.Is(err, errUnresolved) {
			return found, err
		}
	}
	found, err := p.firstFile(base, extensionsAt(base))
	if errors.Is(err, errUnresolved) {
		return "", nil
	}
	return found, err
}

func extensionsAt(name string) []string {
	if inPackage(name) {
		return packageExtensions
	}
	return ownExtensions
}

func (p *project) firstFile(base string, extensions []string) (string, error) {
	for _, ext := range extensions {
		if found, err := p.exists(base + ext); found || err != nil {
			return base + ext, err
		}
	}
	return "", errUnresolved
}

// mainFile is the file that a package without "exports" is imported as; "" if its
// package.json names none that exists. require() takes the CommonJS one, because
// it expects the exports and no namespace.
func (p *project) mainFile(m *manifest, kind api.ResolveKind) (string, error) {
	fields := []string{"browser", "module", "main"}
	if kind == api.ResolveJSRequireCall {
		fields = []string{"browser", "main", "module"}
	}
	for _, field := range fields {
		value := m.text(field)
		if value == "" {
			continue
		}
		base := path.Join(m.dir, value)
		found, err := p.fileExact(base)
		if found == "" && err == nil {
			found, err = p.firstFile(path.Join(base, "index"), extensionsAt(base))
		}
		if !errors.Is(err, errUnresolved) {
			return found, err
		}
	}
	return "", nil
}

// isNode says whether a specifier is one of Node's own modules.
func isNode(spec string) bool {
	if strings.HasPrefix(spec, "node:") {
		return true
	}
	name, _, _ := strings.Cut(spec, "/")
	return slices.Contains(nodeModules, name)
}

func noNode(spec string) string {
	return "the engine has no Node built-ins: " + `"` + spec + `" cannot be imported`
}

var nodeModules = strings.Fields(`_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server
	_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_wrap _stream_writable _tls_common
	_tls_wrap assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns
	domain events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline
	repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib`)
