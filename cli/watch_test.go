package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSavedSourcesAreSeen(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"src", ".tendril", "node_modules/x"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := watch(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	save := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := func() bool {
		select {
		case <-changes:
			return true
		case <-time.After(10 * time.Second):
			return false
		}
	}
	// What is of no interest comes first: the one change that is told must be that
	// of a source, so nothing is left to be told behind it.
	for _, name := range []string{"README.md", ".tendril/a.ts", "node_modules/x/a.ts", "src/a.ts~"} {
		save(name)
	}
	select {
	case <-changes:
		t.Error("a file that is no source is told")
	case <-time.After(4 * quiet):
	}
	save("src/a.ts")
	save("src/b.ts")
	if !seen() {
		t.Fatal("a saved source is not told")
	}
	if err := os.MkdirAll(filepath.Join(root, "src", "new"), 0o755); err != nil {
		t.Fatal(err)
	}
	if !seen() {
		t.Fatal("a new folder is not told")
	}
	save("src/new/c.ts")
	if !seen() {
		t.Error("a source in a new folder is not told")
	}
}
