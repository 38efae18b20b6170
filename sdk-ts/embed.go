// Package sdkts carries the type declarations of device scripts inside the
// binary, so that an editor finds them in a project without npm. They are the
// ones that the npm package of this folder publishes.
//
// It knows no project and writes no file.
package sdkts

import (
	"embed"
	"path"
)

//go:embed types/*.d.ts
var declarations embed.FS

//go:embed project.tsconfig.json
var tsconfig []byte

// Files returns the declarations by file name. They belong side by side into
// .tendril/types of a project, where TSConfig looks for them. The map is the
// caller's.
func Files() map[string][]byte {
	files := map[string][]byte{}
	entries, err := declarations.ReadDir("types")
	if err != nil {
		panic(err) // the pattern above would not have compiled
	}
	for _, e := range entries {
		data, err := declarations.ReadFile(path.Join("types", e.Name()))
		if err != nil {
			panic(err)
		}
		files[e.Name()] = data
	}
	return files
}

// TSConfig returns the tsconfig.json of a project whose declarations are in
// .tendril/types: it resolves imports from "tendril" to them, and brings neither
// the DOM's nor Node's globals in.
func TSConfig() []byte { return append([]byte(nil), tsconfig...) }
