package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

func TestOneProcessPerDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	var locked *ErrLocked
	if _, err := Open(context.Background(), dir, Options{}); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("opened twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

func TestTheDirectoryIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	dir := filepath.Join(t.TempDir(), "a", "data")
	open(t, dir, Options{})
	for _, path := range []string{dir, filepath.Join(dir, "logs")} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, error %v", path, info.Mode(), err)
		}
	}
}

func TestFilesThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(path string) error{
		"another program's database": func(path string) error {
			c, err := dial(path)
			if err != nil {
				return err
			}
			return errors.Join(c.script(`CREATE TABLE albums (id INTEGER); INSERT INTO albums VALUES (1);`), c.close())
		},
		"no database": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("hello ", 200)), 0o600) },
		"a newer schema": func(path string) error {
			c, err := dial(path, fmt.Sprintf("application_id=%d", applicationID), "user_version=1000")
			if err != nil {
				return err
			}
			return errors.Join(c.script(`CREATE TABLE new (id INTEGER);`), c.close())
		},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "tendril.db")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Open(context.Background(), dir, Options{})
		if err == nil {
			d.Close()
			t.Errorf("%s was opened", name)
			continue
		}
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
		if name == "a newer schema" && !strings.Contains(err.Error(), "newer version") {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed (%v)", name, err)
		}
	}
}

func TestTheSchemaConstantIsTheNewestMigration(t *testing.T) {
	t.Parallel()
	entries, err := migrations.ReadDir("migrations")
	if err != nil || len(entries) != schema {
		t.Fatalf("%d migrations, schema %d, error %v", len(entries), schema, err)
	}
	d := open(t, t.TempDir(), Options{})
	err = d.readers.do(context.Background(), func(c *conn) error {
		version, err := c.number("PRAGMA user_version")
		if version != schema {
			t.Errorf("user_version %d", version)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAClosedDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	o := mustOwn(t, d, addDevice(t, d, p.ID, "d"))
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, load := d.Load(ctx, o.key, d.Epoch())
	_, project := d.Project(ctx, "default", p.Slug)
	for name, err := range map[string]error{"commit": o.commit(dispatch.Change{Ran: "x"}), "load": load, "project": project} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := filepath.Glob(filepath.Join(filepath.Dir(d.files.dir), "*-wal")); err != nil || len(entries) != 0 {
		t.Errorf("left %v, error %v", entries, err)
	}
}
