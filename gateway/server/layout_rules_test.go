package server_test

// module is the prefix of our own imports.
const module = "github.com/tendril-run/tendril/"

// floors are the rooms of the house, the lowest first. A room imports only from
// floors below its own; rooms of one floor never import each other.
var floors = [][]string{
	{"runtime", "gateway/device", "sdk-ts"},
	{"runtime/vm", "versions"},
	{"gateway/wire", "runtime/worker", "versions/bundle"},
	{"gateway", "gateway/logs", "gateway/auth", "runtime/pool", "gateway/wire/native"},
	{"gateway/dispatch"},
	{"gateway/ws", "gateway/api", "gateway/sqlite"},
	{"gateway/server", "gateway/server/torture"},
	{"cli", "gateway/server/torture/checker"},
	{"cli/tendril", "cli/tsgen"},
}

// homes say which rooms may import a library, by the start of its path. A
// library that is not here has no home and is refused.
var homes = map[string][]string{
	"charm.land/fang/v2":                    {"cli"},
	"charm.land/lipgloss/v2":                {"cli"},
	"github.com/aymanbagabas/go-udiff":      {"cli"},
	"github.com/coder/websocket":            {"gateway/ws"},
	"github.com/danielgtaylor/huma/v2":      {"gateway/api"},
	"github.com/dop251/goja":                {"runtime/vm"},
	"github.com/evanw/esbuild":              {"versions/bundle"},
	"github.com/fsnotify/fsnotify":          {"cli"},
	"github.com/google/uuid":                {"gateway/sqlite"},
	"github.com/knadh/koanf":                {"cli"},
	"github.com/guptarohit/asciigraph":      {"cli"},
	"github.com/lmittmann/tint":             {"cli"},
	"github.com/pressly/goose/v3":           {"gateway/sqlite"},
	"github.com/prometheus/client_golang":   {"gateway/server"},
	"github.com/spf13/cobra":                {"cli"},
	"github.com/charmbracelet/colorprofile": {"cli"},
	"github.com/charmbracelet/x/term":       {"cli"},
	"github.com/spf13/pflag":                {"cli"},
	"github.com/tailscale/hujson":           {"cli"},
	"github.com/vmihailenco/msgpack/v5":     {"gateway/wire"},
	"golang.org/x/sys":                      {"runtime/worker", "runtime/pool", "gateway/sqlite", "cli"},
	"modernc.org/sqlite":                    {"gateway/sqlite"},

	// Of the standard library, what belongs to one room all the same.
	"database/sql": {"gateway/sqlite"},
	"flag":         {"cli"},
}

// single are libraries that even tests reach through their home only.
var single = []string{
	"github.com/coder/websocket",
	"github.com/dop251/goja",
	"github.com/evanw/esbuild",
	"github.com/pressly/goose/v3",
	"modernc.org/sqlite",
}

// forTests are libraries of tests and of packages that serve tests.
var forTests = []string{
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"go.uber.org/goleak",
}

// drawers are names under which everything could be put.
var drawers = []string{"util", "utils", "common", "types", "model", "models", "core", "pkg"}

// topLevel is what the root of the repository may hold, beside dot files and
// what .gitignore names.
var topLevel = []string{
	"cli", "examples", "gateway", "runtime", "sdk-ts", "versions",
	"LICENSE", "Makefile", "README.md", "SECURITY.md", "go.mod", "go.sum",
}

// Lengths of hand-written Go files, in lines.
const (
	longest = 470 // no file is longer
	usual   = 150 // half of the files are shorter
)
