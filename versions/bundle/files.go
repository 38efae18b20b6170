package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/tendril-run/tendril/versions"
)

// Files is where a compile reads a project from. Read returns the content of the
// file at a path that versions.CheckPath accepts; fs.ErrNotExist says that there
// is none, every other error ends the compile. Calls come one at a time.
type Files interface {
	Read(path string) ([]byte, error)
}

// Memory is a set of files that is complete: nothing else exists.
type Memory map[string][]byte

// NewMemory holds files by their paths.
func NewMemory(files []versions.File) Memory {
	m := make(Memory, len(files))
	for _, f := range files {
		m[f.Path] = f.Data
	}
	return m
}

// Read implements Files.
func (m Memory) Read(path string) ([]byte, error) {
	data, ok := m[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// Folder reads a project's folder when asked. Nothing outside the folder is read,
// also not through a symbolic link, and a name has to be spelled as it is on disk
// even where the file system does not care.
type Folder struct {
	root *os.Root
	dirs map[string]map[string]bool // names in a folder, by its path
}

// OpenFolder opens a project's folder. Close it after use.
func OpenFolder(name string) (*Folder, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open project folder: %w", err)
	}
	return &Folder{root: root, dirs: map[string]map[string]bool{}}, nil
}

// Close ends the use of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Read implements Files.
func (f *Folder) Read(name string) ([]byte, error) {
	found, err := f.lists(name)
	if err != nil || !found {
		return nil, f.explain(name, err)
	}
	info, err := f.root.Stat(name)
	switch {
	case err != nil:
		return nil, f.explain(name, err)
	case info.IsDir():
		return nil, fs.ErrNotExist
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > versions.MaxFile:
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, f.explain(name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, versions.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// lists says whether the folder of name has an entry spelled exactly so.
func (f *Folder) lists(name string) (bool, error) {
	dir, base := path.Dir(name), path.Base(name)
	names, known := f.dirs[dir]
	if !known {
		var err error
		if names, err = f.readDir(dir); err != nil {
			return false, err
		}
		f.dirs[dir] = names
	}
	return names[base], nil
}

// readDir returns the names in a folder, none for a folder that does not exist.
func (f *Folder) readDir(dir string) (map[string]bool, error) {
	if dir != "." {
		if found, err := f.lists(dir); err != nil || !found {
			return nil, err
		}
		switch info, err := f.root.Stat(dir); {
		case err != nil:
			return nil, f.explain(dir, err)
		case !info.IsDir():
			return nil, nil
		}
	}
	opened, err := f.root.Open(dir)
	if err != nil {
		return nil, f.explain(dir, err)
	}
	defer opened.Close()
	list, err := opened.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", dir, err)
	}
	names := make(map[string]bool, len(list))
	for _, name := range list {
		names[name] = true
	}
	return names, nil
}

// explain turns an error of name into one that names the symbolic link to blame,
// if there is one, and a nil error into fs.ErrNotExist.
func (f *Folder) explain(name string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, linkErr := f.root.Lstat(name[:i])
		if linkErr != nil {
			break
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if _, statErr := f.root.Stat(name[:i]); statErr != nil {
			return fmt.Errorf("%s is a symbolic link that leads out of the project folder", name[:i])
		}
	}
	return fmt.Errorf("read %s: %w", name, err)
}
