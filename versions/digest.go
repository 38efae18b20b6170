package versions

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the sources of one script and of what is made of them, in bytes
// except where they count.
const (
	MaxFile   = 1 << 20 // one file
	MaxFiles  = 4000    // files of one closure, a count
	MaxSource = 8 << 20 // all files of one closure
	MaxBundle = 4 << 20 // the code of a bundle
	maxPath   = 512     // a file's path
)

// rules names what sources are compiled with. It is part of every digest, and
// changes whenever the same files would make a bundle that behaves differently.
// The compiler's own version is not part of it.
const rules = "tendril bundle 1"

// Digest is the identity of a script's content: SHA-256, in lower-case hex, over
// the rules of compiling, the script's main and export, and the files in order of
// their paths. The script's name and the order of files have no influence. Every
// part is preceded by its length, so that no two contents share a text.
func Digest(script Script, files []File) string {
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	h := sha256.New()
	writePart(h, []byte(rules))
	writePart(h, []byte(script.Main))
	writePart(h, []byte(script.Export))
	for _, f := range sorted {
		writePart(h, []byte(f.Path))
		writePart(h, f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writePart(h hash.Hash, b []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(b)))
	h.Write(size[:])
	h.Write(b)
}

// CheckPath says why a path cannot name a file of a project, or nil: it has to be
// relative, of non-empty parts between slashes, none of them "." or "..", valid
// UTF-8 without control characters and backslashes, at most 512 bytes.
func CheckPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path is empty")
	case len(path) > maxPath:
		return fmt.Errorf("the path is longer than %d bytes", maxPath)
	case !utf8.ValidString(path):
		return errors.New("the path is not valid UTF-8")
	case strings.ContainsRune(path, '\\'):
		return errors.New("the path has a backslash; its parts are divided by /")
	case path[0] == '/':
		return errors.New("the path is absolute; it has to be relative to the project")
	case strings.ContainsFunc(path, isControl):
		return errors.New("the path has a control character")
	}
	for name := range strings.SplitSeq(path, "/") {
		switch name {
		case "":
			return errors.New("the path has an empty part")
		case ".", "..":
			return fmt.Errorf("the path has the part %q", name)
		}
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// CheckFiles checks a set of files: each path with CheckPath, each size against
// MaxFile, and that all can lie in one folder on every system: no path is given
// twice or differs from another by case alone, none is the folder of another. Its
// errors are *SourceError.
func CheckFiles(files []File) error {
	for _, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return &SourceError{Message: fmt.Sprintf("file %q: %v", f.Path, err)}
		}
		if len(f.Data) > MaxFile {
			return &SourceError{File: f.Path, Message: "the file is larger than 1 MiB"}
		}
	}
	return checkNames(files)
}

func checkNames(files []File) error {
	folded := make(map[string]string, len(files))
	for _, f := range files {
		key := strings.ToLower(f.Path)
		switch other, taken := folded[key]; {
		case taken && other == f.Path:
			return &SourceError{File: f.Path, Message: "the file is given twice"}
		case taken:
			return &SourceError{File: f.Path, Message: fmt.Sprintf("the name differs from %s by case alone", other)}
		}
		folded[key] = f.Path
	}
	for _, f := range files {
		key := strings.ToLower(f.Path)
		for i := strings.LastIndexByte(key, '/'); i > 0; i = strings.LastIndexByte(key[:i], '/') {
			if other, taken := folded[key[:i]]; taken {
				return &SourceError{File: f.Path, Message: fmt.Sprintf("%s is a file and cannot be a folder too", other)}
			}
		}
	}
	return nil
}
