package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// applicationID marks the main file and the log files as ours ("Tdrl").
	applicationID = 0x5464726c
	// schema is the number of the newest migration. It is also written to the
	// file's user_version, so that a current file starts without the migrator.
	schema = 1
)

// migrate makes or brings up to date the main file.
func migrate(ctx context.Context, path string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return bring(ctx, path, files, schema)
}

// bring runs the migrations that a file has not had. Each is a transaction of its
// own: one that fails leaves the file at the schema before it.
func bring(ctx context.Context, path string, files fs.FS, to int64) error {
	current, err := identify(path, to)
	if err != nil || current == to {
		return err
	}
	connector, err := connector(path, []string{"busy_timeout=1000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"})
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", path, classify(err))
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", to)); err != nil {
		return fmt.Errorf("migrate %s: %w", path, classify(err))
	}
	return db.Close()
}

// identify refuses a file that is not ours or of a newer schema than known, and
// marks an empty one. It returns the schema's number, 0 for an empty file.
func identify(path string, known int64) (current int64, err error) {
	c, err := dial(path, "busy_timeout=1000")
	if err != nil {
		return 0, classify(err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	current, err = c.schema(known)
	if !errors.Is(err, errForeign) {
		return current, refusal(path, err)
	}
	tables, empty := c.number("SELECT count(*) FROM sqlite_schema")
	if empty != nil || tables > 0 {
		return 0, refusal(path, errors.Join(err, empty))
	}
	_, err = c.exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	return 0, refusal(path, err)
}

// errForeign is returned for a file that some other program has made.
var errForeign = errors.New("not a Tendril database")

// schema reads the number of a file's schema, and refuses what is not ours and
// what is newer than known.
func (c *conn) schema(known int64) (int64, error) {
	id, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	if id != applicationID {
		return 0, errForeign
	}
	current, err := c.number("PRAGMA user_version")
	if err == nil && current > known {
		err = fmt.Errorf("written by a newer version of the program (schema %d, this one knows %d)", current, known)
	}
	return current, err
}

func refusal(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("open %s: %w", path, classify(err))
}
