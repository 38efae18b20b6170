package sqlite

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNotEmpty says that a directory to restore into holds something.
var ErrNotEmpty = errors.New("the directory is not empty")

// restoring is a file that is there while a directory is being restored into.
const restoring = "restoring"

// leap is what a restore adds to every counter whose numbers have left the
// server: what was given out after the backup is not given again.
const leap = 1 << 32

// Restore unpacks an archive into a directory that is missing or empty, and
// raises the epoch, so that whoever owned devices of the old directory is fenced.
// Numbers that devices and readers may have seen since the backup (of commands,
// log rows and deployments) are skipped. After an error the directory is as it was.
// Errors: *ErrLocked, ErrNotEmpty.
func Restore(ctx context.Context, from io.Reader, dir string) (m Manifest, err error) {
	m, err = restore(ctx, from, dir)
	if err != nil {
		return Manifest{}, fmt.Errorf("restore into %s: %w", dir, err)
	}
	return m, nil
}

func restore(ctx context.Context, from io.Reader, dir string) (m Manifest, err error) {
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	lock, err := acquire(dir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if err := empty(dir); err != nil {
		return m, err
	}
	u := unpacker{dir: dir}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, u.undo())
		if errors.Is(missing, fs.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	marker, err := u.create(restoring)
	if err != nil {
		return m, err
	}
	if err := marker.Close(); err != nil {
		return m, err
	}
	if m, err = u.unpack(ctx, from); err != nil {
		return m, err
	}
	if err := renew(filepath.Join(dir, mainName)); err != nil {
		return m, err
	}
	if err := errors.Join(syncDir(filepath.Join(dir, "logs")), syncDir(dir)); err != nil {
		return m, err
	}
	return m, os.Remove(filepath.Join(dir, restoring))
}

// empty refuses a directory that holds anything but the lock and what a file
// system makes itself.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name := e.Name(); name != "lock" && name != "lost+found" {
			return fmt.Errorf("%w: it has %s", ErrNotEmpty, name)
		}
	}
	return err
}

// whole refuses a directory whose restore was cut short.
func whole(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, restoring)); err == nil {
		return errors.New("a restore into this directory was cut short: empty it and restore again")
	}
	return nil
}

// unpacker makes the files of an archive and remembers them.
type unpacker struct {
	dir   string
	made  []string
	files []ArchiveFile
}

func (u *unpacker) unpack(ctx context.Context, from io.Reader) (m Manifest, err error) {
	if err := os.Mkdir(filepath.Join(u.dir, "logs"), 0o700); err != nil {
		return m, err
	}
	u.made = append(u.made, "logs")
	entries := tar.NewReader(from)
	for {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		h, err := entries.Next()
		switch {
		case err == io.EOF:
			return m, errors.New("the archive was cut short")
		case err != nil:
			return m, fmt.Errorf("not a whole archive: %w", err)
		case h.Name == manifestName:
			return readManifest(entries, u.files)
		case !archived(h):
			return m, fmt.Errorf("not an archive of a data directory: it has %q", h.Name)
		}
		if err := u.file(h.Name, entries); err != nil {
			return m, err
		}
	}
}

// archived says whether an entry is one of those that a backup writes.
func archived(h *tar.Header) bool {
	if h.Typeflag != tar.TypeReg {
		return false
	}
	if h.Name == mainName || h.Name == tokenName {
		return true
	}
	stem, isLog := strings.CutPrefix(h.Name, "logs/")
	stem, isDB := strings.CutSuffix(stem, ".db")
	number, err := strconv.ParseUint(stem, 10, 63)
	return isLog && isDB && err == nil && strconv.FormatUint(number, 10) == stem
}

func (u *unpacker) file(name string, from io.Reader) error {
	f, err := u.create(name)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), from)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	u.files = append(u.files, ArchiveFile{Name: name, Size: n, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

func (u *unpacker) create(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(u.dir, filepath.FromSlash(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		u.made = append(u.made, name)
	}
	return f, err
}

// undo removes what was made, the newest first.
func (u *unpacker) undo() error {
	var errs []error
	for _, name := range slices.Backward(u.made) {
		path := filepath.Join(u.dir, filepath.FromSlash(name))
		for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
			if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// renew makes a restored main file the start of another life: a higher epoch,
// and counters beyond all that the old life can have given out.
func renew(path string) (err error) {
	if _, err := identify(path, schema); err != nil {
		return err
	}
	c, err := dial(path, "synchronous=FULL")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return classify(c.script(fmt.Sprintf(`BEGIN IMMEDIATE;
		UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'epoch';
		INSERT INTO meta (name, value) SELECT 'log_floor', CAST(%[1]d + max(
			coalesce((SELECT max(id) FROM outcomes), 0),
			coalesce((SELECT max(max(after_id, coalesce(last_id, 0))) FROM log_files), 0),
			coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'log_floor'), 0)) AS TEXT)
			WHERE true ON CONFLICT (name) DO UPDATE SET value = excluded.value;
		UPDATE sqlite_sequence SET seq = seq + %[1]d WHERE name IN ('outbox', 'devices', 'deployments');
		INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', %[1]d
			WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox');
		COMMIT;`, leap)))
}
