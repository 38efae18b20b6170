package sqlite

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Backup writes the data directory as one archive, whether a server runs on it or
// not: it reads beside the server and holds nothing up. The main file is as of one
// moment; every change that was acknowledged before the call is in it. Log files
// follow, as of moments later. Copies lie in the folder temp while they are made,
// one at a time. program is the version of the program, for the manifest.
func Backup(ctx context.Context, dir string, to io.Writer, temp, program string) (Manifest, error) {
	b := backup{archive: archive{tar: tar.NewWriter(to)}, dir: dir}
	b.manifest = Manifest{Format: archiveFormat, Program: program}
	err := b.run(ctx, temp)
	if err != nil {
		return Manifest{}, fmt.Errorf("back up %s: %w", dir, err)
	}
	return b.manifest, nil
}

type backup struct {
	archive
	dir  string
	copy string // path of the copy that is being made

	// as the copy of the main file has it
	logs    []logEntry
	devices int64 // the largest row id that was given
}

// logEntry is a line in the register of log files.
type logEntry struct {
	number int64
	cut    bool
}

func (b *backup) run(ctx context.Context, temp string) (err error) {
	if err := servable(b.dir); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(temp, ".tendril-backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	b.copy = filepath.Join(folder, "copy.db")
	if err := b.main(); err != nil {
		return err
	}
	for _, l := range b.logs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.log(l); err != nil {
			return err
		}
	}
	token := filepath.Join(b.dir, tokenName)
	if _, err := os.Stat(token); err == nil {
		if err := b.add(token, tokenName); err != nil {
			return err
		}
	}
	return b.finish()
}

// servable refuses a folder that holds no database, or half of one.
func servable(dir string) error {
	if err := whole(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, mainName)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no database in %s", dir)
	} else if err != nil {
		return err
	}
	return nil
}

// main copies the main file.
func (b *backup) main() error {
	b.manifest.Created = time.Now().UnixMilli()
	path := filepath.Join(b.dir, mainName)
	return b.snapshot(path, mainName, schema, func(c *conn) (err error) {
		if b.manifest.Schema, err = c.number("PRAGMA user_version"); err != nil {
			return err
		}
		if b.devices, err = c.number(`SELECT seq FROM sqlite_sequence WHERE name = 'devices'`); err != nil {
			return err
		}
		return c.each(func(r row) error {
			b.logs = append(b.logs, logEntry{number: r.int(0), cut: r[1] != nil})
			return nil
		}, `SELECT number, last_id FROM log_files ORDER BY number`)
	})
}

// log copies a log file. One that was still written may have lines of devices
// that are newer than the copy of the main file, which would give their row ids
// again: such lines are left out. A file that retention has taken is no loss.
func (b *backup) log(l logEntry) error {
	path := logPath(filepath.Join(b.dir, "logs"), l.number)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	name := "logs/" + filepath.Base(path)
	return b.snapshot(path, name, logVersion, func(c *conn) error {
		if l.cut {
			return nil
		}
		_, err := c.exec(`DELETE FROM lines WHERE device > ?`, b.devices)
		return err
	})
}

// snapshot copies one database file as of one moment into the archive. Between
// the two, look sees the copy and may change it.
func (b *backup) snapshot(path, name string, known int64, look func(*conn) error) error {
	if err := vacuumInto(path, b.copy, known); err != nil {
		return fmt.Errorf("copy %s: %w", path, classify(err))
	}
	defer os.Remove(b.copy)
	c, err := dial(b.copy)
	if err != nil {
		return err
	}
	if err := errors.Join(look(c), c.close()); err != nil {
		return fmt.Errorf("copy of %s: %w", path, err)
	}
	return b.add(b.copy, name)
}

// vacuumInto writes a copy of a database as one read transaction sees it.
func vacuumInto(path, copy string, known int64) (err error) {
	c, err := dial(path, "busy_timeout=5000", "cell_size_check=ON")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.schema(known); err != nil {
		return err
	}
	_, err = c.exec(`VACUUM INTO ?`, copy)
	return err
}
