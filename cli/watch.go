package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long a folder must be still before a change counts: editors save
// in several steps.
const quiet = 80 * time.Millisecond

// sources are the endings of files that a bundle may be made of.
var sources = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".jsonc"}

// watch tells when sources below a folder were saved, once for changes that come
// together. Hidden folders and node_modules are not watched. The channel holds
// one change and is never closed; the goroutine behind it ends with ctx.
func watch(ctx context.Context, root string) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	if err := addFolders(w, root); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	changes := make(chan struct{}, 1)
	go func() {
		defer w.Close()
		still := time.NewTimer(quiet)
		still.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-w.Events:
				if e.Has(fsnotify.Create) && isFolder(e.Name) {
					_ = addFolders(w, e.Name) // gone again, or beyond the system's limit
					still.Reset(quiet)
				}
				if !e.Has(fsnotify.Chmod) && slices.Contains(sources, strings.ToLower(filepath.Ext(e.Name))) {
					still.Reset(quiet)
				}
			case <-w.Errors: // events were lost: look anyway
				still.Reset(quiet)
			case <-still.C:
				select {
				case changes <- struct{}{}:
				default:
				}
			}
		}
	}()
	return changes, nil
}

func addFolders(w *fsnotify.Watcher, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == root {
				return err
			}
			return nil
		}
		if !d.IsDir() {
			return nil
		}
		if name := d.Name(); path != root && (name == "node_modules" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		return w.Add(path)
	})
}

func isFolder(path string) bool {
	name := filepath.Base(path)
	if name == "node_modules" || strings.HasPrefix(name, ".") {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
