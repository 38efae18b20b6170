package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	sdkts "github.com/tendril-run/tendril/sdk-ts"
)

// writeTypes puts the declarations of the script API where an editor finds them:
// into .tendril/types, which git does not see, with a tsconfig.json that points
// there unless the project has one. Files that are right already are not touched.
func writeTypes(root string) error {
	dir := filepath.Join(root, ".tendril", "types")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write types: %w", err)
	}
	files := map[string][]byte{filepath.Join(root, ".tendril", ".gitignore"): []byte("*\n")}
	for name, data := range sdkts.Files() {
		files[filepath.Join(dir, name)] = data
	}
	config := filepath.Join(root, "tsconfig.json")
	if _, err := os.Lstat(config); errors.Is(err, fs.ErrNotExist) {
		files[config] = sdkts.TSConfig()
	}
	for path, data := range files {
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
			continue
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write types: %w", err)
		}
	}
	return nil
}
