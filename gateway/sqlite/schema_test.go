package sqlite

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
)

// fixture is the folder that keeps a data directory as a version with this
// schema left it, its files compressed.
func fixture(n int) string { return filepath.Join("testdata", fmt.Sprintf("schema-%d", n)) }

// TestDataOfEverySchemaOpens opens data directories that earlier versions wrote.
// A new schema brings its fixture along: MAKE_FIXTURE=1 go test -run EverySchema
// writes the one of the present schema.
func TestDataOfEverySchemaOpens(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(fixture(schema)); os.IsNotExist(err) && os.Getenv("MAKE_FIXTURE") != "" {
		makeFixture(t)
	}
	for n := 1; n <= schema; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dir := unpackFixture(t, n)
			d := open(t, dir, Options{})
			p, err := d.Project(context.Background(), "default", "plant")
			if err != nil {
				t.Fatal(err)
			}
			if err := use(d, p.ID, device.Key{Project: p.ID, ID: "porch"}); err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if found, err := Inspect(context.Background(), dir, time.Now()); err != nil || integrity(found) || found.Schema != schema {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

func makeFixture(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	furnished(t, dir)
	for _, name := range []string{mainName, "logs/1.db"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(fixture(schema), name+".gz")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func unpackFixture(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	err := fs.WalkDir(os.DirFS(fixture(n)), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		from, err := os.Open(filepath.Join(fixture(n), name))
		if err != nil {
			return err
		}
		defer from.Close()
		z, err := gzip.NewReader(from)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, strings.TrimSuffix(name, ".gz"))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAMigrationBringsTheFirstSchemaOn runs two made-up later schemas on the
// first fixture: one that works, and one that fails half way and leaves the file
// as it was.
func TestAMigrationBringsTheFirstSchemaOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(unpackFixture(t, 1), mainName)
	first, err := migrations.ReadFile("migrations/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"0001_first.sql": {Data: first},
		"0002_alias.sql": {Data: []byte("-- +goose Up\nALTER TABLE devices ADD COLUMN alias TEXT NOT NULL DEFAULT 'none';\n")},
	}
	if err := bring(ctx, path, files, 2); err != nil {
		t.Fatal(err)
	}
	column := func(name string) (text string, version int64, err error) {
		err = look(path, 3, func(c *conn) error {
			if version, err = c.number("PRAGMA user_version"); err != nil {
				return err
			}
			_, err = c.one(func(r row) { text = r.text(0) }, `SELECT `+name+` FROM devices WHERE device_id = 'porch'`)
			return err
		})
		return text, version, err
	}
	if text, version, err := column("alias"); err != nil || text != "none" || version != 2 {
		t.Fatalf("alias %q, schema %d, %v", text, version, err)
	}

	files["0003_broken.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE devices ADD COLUMN nick TEXT;\nINSERT INTO nowhere VALUES (1);\n")}
	if err := bring(ctx, path, files, 3); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("a broken migration gives %v", err)
	}
	if _, _, err := column("nick"); err == nil {
		t.Error("half of the broken migration stayed")
	}
	if text, version, err := column("alias"); err != nil || text != "none" || version != 2 {
		t.Errorf("after the broken migration: alias %q, schema %d, %v", text, version, err)
	}
	if _, err := identify(path, 1); err == nil || !strings.Contains(err.Error(), "newer version of the program (schema 2, this one knows 1)") {
		t.Errorf("the older program says %v", err)
	}
}

func TestALogFileOfANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	furnished(t, dir)
	path := logPath(filepath.Join(dir, "logs"), 1)
	c, err := dial(path, "user_version=1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(context.Background(), dir, Options{})
	if err == nil {
		d.Close()
	}
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("error %v", err)
	}
}
