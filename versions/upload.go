package versions

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// What one upload may hold; every script's closure has its own limits besides.
const (
	MaxUpload      = 32 << 20 // bytes of all files
	MaxUploadFiles = 16_000
	MaxScripts     = 100
)

// ErrUpload is returned for an upload that cannot be one, whatever its sources
// say.
var ErrUpload = errors.New("invalid upload")

// Sources asks for a version of each of some scripts, made of the same files.
// Digests, where it names a script, is what its version is expected to have.
type Sources struct {
	Project string // internal id
	Files   []File
	Scripts []Script
	Digests map[string]string
	Message string
	Author  string
}

func (s *Sources) check() error {
	if err := checkSize(s.Files); err != nil {
		return err
	}
	if err := CheckFiles(s.Files); err != nil {
		return err
	}
	switch {
	case len(s.Scripts) == 0:
		return fmt.Errorf("%w: it names no script", ErrUpload)
	case len(s.Scripts) > MaxScripts:
		return fmt.Errorf("%w: over %d scripts", ErrUpload, MaxScripts)
	}
	seen := make(map[string]bool, len(s.Scripts))
	for _, script := range s.Scripts {
		if _, err := ParseScript(script.Name); err != nil {
			return fmt.Errorf("%w: script %q: %w", ErrUpload, script.Name, err)
		}
		if seen[script.Name] {
			return fmt.Errorf("%w: script %s twice", ErrUpload, script.Name)
		}
		seen[script.Name] = true
		if !slices.ContainsFunc(s.Files, func(f File) bool { return f.Path == script.Main }) {
			return &SourceError{Script: script.Name, File: script.Main, Message: "no such file"}
		}
	}
	for name := range s.Digests {
		if !seen[name] {
			return fmt.Errorf("%w: digest of script %q, which it does not hold", ErrUpload, name)
		}
	}
	return nil
}

func checkSize(files []File) error {
	if len(files) > MaxUploadFiles {
		return fmt.Errorf("%w: over %d files", ErrUpload, MaxUploadFiles)
	}
	total := 0
	for _, f := range files {
		if !utf8.Valid(f.Data) {
			return &SourceError{File: f.Path, Message: "the file is not UTF-8 text"}
		}
		total += len(f.Data)
	}
	if total > MaxUpload {
		return fmt.Errorf("%w: %d bytes of files, over the limit of %d", ErrUpload, total, MaxUpload)
	}
	return nil
}
