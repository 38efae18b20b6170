package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// refuseRoom says why a file may not import a room of ours, or "".
func refuseRoom(f goFile, imported string) string {
	room, ours := strings.CutPrefix(imported, module)
	if !ours {
		return ""
	}
	if f.serves() {
		return "" // tests may bring in the real things from any floor
	}
	if strings.HasSuffix(room, "test") {
		return "that package serves tests"
	}
	from, to := floor(f.room()), floor(room)
	switch {
	case from < 0:
		return fmt.Sprintf("%s is not in the table of floors", f.room())
	case to < 0:
		return fmt.Sprintf("%s is not in the table of floors", room)
	case from == to:
		return "rooms of one floor do not import each other"
	case from < to:
		return "imports point down"
	}
	return ""
}

// floor returns the floor of a room, -1 for none.
func floor(room string) int {
	return slices.IndexFunc(floors, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// refuseLibrary says why a file may not import a library, or "".
func refuseLibrary(f goFile, imported string) string {
	if strings.HasPrefix(imported, module) {
		return ""
	}
	if f.serves() && !slices.ContainsFunc(single, func(lib string) bool { return within(imported, lib) }) {
		return ""
	}
	if slices.ContainsFunc(forTests, func(lib string) bool { return within(imported, lib) }) {
		return "it is for tests"
	}
	for lib, rooms := range homes {
		if !within(imported, lib) {
			continue
		}
		if slices.Contains(rooms, f.room()) {
			return ""
		}
		return "its home is " + strings.Join(rooms, ", ")
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return "it has no home in the table"
	}
	return ""
}

// within says whether a path is a library or a package of it.
func within(imported, lib string) bool {
	return imported == lib || strings.HasPrefix(imported, lib+"/")
}

func TestTheRulesRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, imports string
		allowed       bool
	}{
		{"gateway/dispatch/turn.go", module + "gateway", true},
		{"gateway/dispatch/turn.go", module + "gateway/sqlite", false}, // up
		{"gateway/sqlite/store.go", module + "gateway/api", false},     // sibling
		{"runtime/vm/vm.go", module + "gateway/device", true},          // down
		{"gateway/device/device.go", module + "runtime", false},        // sibling
		{"gateway/elsewhere/x.go", module + "runtime", false},          // no room
		{"gateway/wire/native/codec.go", module + "gateway/wire/wiretest", false},
		{"gateway/wire/native/codec_test.go", module + "gateway/wire/wiretest", true},
		{"gateway/dispatch/turn_test.go", module + "gateway/sqlite", true},
		{"runtime/vm/vm.go", "github.com/dop251/goja/ast", true},
		{"runtime/worker/worker.go", "github.com/dop251/goja", false},
		{"runtime/worker/worker_test.go", "github.com/dop251/goja", false},
		{"gateway/logs/logs.go", "go.uber.org/goleak", false},
		{"gateway/logs/logs_test.go", "go.uber.org/goleak", true},
		{"gateway/logs/logs.go", "example.com/unknown", false},
		{"gateway/logs/logs.go", "encoding/json", true},
		{"gateway/api/api.go", "database/sql", false},
	} {
		f := goFile{path: c.file}
		why := refuseRoom(f, c.imports) + refuseLibrary(f, c.imports)
		if (why == "") != c.allowed {
			t.Errorf("%s imports %s: allowed %t, want %t (%s)", c.file, c.imports, why == "", c.allowed, why)
		}
	}
}
