package sqlite

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// An archive is a tar of the files of a data directory, each whole in itself, and
// a manifest as its last entry: an archive without one was cut short.
const (
	manifestName  = "manifest.json"
	archiveFormat = 1
	manifestBytes = 1 << 20
)

// mainName and tokenName are the names of files in a data directory and in an
// archive. The token opens what the database holds: an archive is as secret as
// the directory.
const (
	mainName  = "tendril.db"
	tokenName = "admin-token"
)

// Manifest says what an archive holds.
type Manifest struct {
	Format  int           `json:"format"`
	Schema  int64         `json:"schema"`
	Program string        `json:"program"` // version of the program that made it
	Created int64         `json:"created"` // epoch milliseconds, when the main file was read
	Files   []ArchiveFile `json:"files"`
}

// ArchiveFile is a file of an archive. Its name is relative, with slashes.
type ArchiveFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// archive writes files into a tar and remembers what it wrote.
type archive struct {
	tar      *tar.Writer
	manifest Manifest
}

// add copies a file into the archive under a name.
func (a *archive) add(path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, hash), f)
	if err != nil {
		return err
	}
	a.manifest.Files = append(a.manifest.Files, ArchiveFile{Name: name, Size: n, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// finish writes the manifest and the end of the tar.
func (a *archive) finish() error {
	text, err := json.MarshalIndent(a.manifest, "", "  ")
	if err != nil {
		return err
	}
	err = a.tar.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(text)),
		ModTime: time.UnixMilli(a.manifest.Created), Format: tar.FormatPAX})
	if err == nil {
		_, err = a.tar.Write(text)
	}
	return errors.Join(err, a.tar.Close())
}

// readManifest reads and checks the manifest against the files that came before
// it.
func readManifest(r io.Reader, files []ArchiveFile) (m Manifest, err error) {
	if err := json.NewDecoder(io.LimitReader(r, manifestBytes)).Decode(&m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	switch {
	case m.Format != archiveFormat:
		return m, fmt.Errorf("an archive of format %d, this program knows %d", m.Format, archiveFormat)
	case m.Schema > schema:
		return m, fmt.Errorf("made by a newer version of the program (schema %d, this one knows %d)", m.Schema, schema)
	case len(m.Files) != len(files):
		return m, fmt.Errorf("the archive is damaged: %d files, the manifest has %d", len(files), len(m.Files))
	}
	for i, f := range m.Files {
		if f != files[i] {
			return m, fmt.Errorf("the archive is damaged: %s is not as it was stored", files[i].Name)
		}
	}
	return m, nil
}
