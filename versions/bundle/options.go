package bundle

import (
	"github.com/evanw/esbuild/pkg/api"
)

// workingDir does not exist. Nothing is read from it or written to it, but esbuild
// wants to know where outfile lies.
const workingDir = "/.tendril"

const outfile = workingDir + "/bundle.js"

// Messages of esbuild that mean code the engine would run wrongly or not at all.
// It logs them quietly; here they are errors. See fatalWarnings.
var fatal = []string{
	"unsupported-regexp",
	"unsupported-dynamic-import",
	"unsupported-require-call",
	"indirect-require",
	"empty-glob",
	"empty-import-meta",
}

// options are constant but for the project's plugin. Identifiers are never made
// shorter, nor is syntax, because both lose names of functions that stacks show.
func options(p *project) api.BuildOptions {
	overrides := make(map[string]api.LogLevel, len(fatal))
	for _, id := range fatal {
		overrides[id] = api.LogLevelWarning
	}
	return api.BuildOptions{
		EntryPoints:   []string{entryPath},
		Bundle:        true,
		AbsWorkingDir: workingDir,
		Outfile:       outfile,
		Format:        api.FormatIIFE,
		Platform:      api.PlatformNeutral,
		Banner:        map[string]string{"js": `"use strict";`},
		Plugins:       []api.Plugin{p.plugin()},
		TsconfigRaw:   "{}",

		Target: api.ES2022,
		Supported: map[string]bool{
			"async-generator":                 false,
			"decorators":                      false,
			"dynamic-import":                  false,
			"for-await":                       false,
			"hashbang":                        false,
			"regexp-match-indices":            false,
			"regexp-set-notation":             false,
			"regexp-unicode-property-escapes": false,
			"top-level-await":                 false,
			"using":                           false,
		},
		Define: map[string]string{"process.env.NODE_ENV": `"production"`},

		MinifyWhitespace: true,
		TreeShaking:      api.TreeShakingTrue,
		LegalComments:    api.LegalCommentsNone,
		Charset:          api.CharsetASCII,
		Sourcemap:        api.SourceMapExternal,
		SourcesContent:   api.SourcesContentExclude,

		LogLevel:    api.LogLevelSilent,
		LogOverride: overrides,
	}
}
