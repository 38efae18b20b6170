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
	current, err := identify(path)
	if err != nil {
		return err
	}
	switch {
	case current == schema:
		return nil
	case current > schema:
		return fmt.Errorf("open %s: written by a newer version of the program (schema %d, this one knows %d)", path, current, schema)
	}
	connector, err := connector(path, []string{"journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"})
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schema)); err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	return db.Close()
}

// identify refuses a file that is not ours and marks an empty one. It returns
// the schema's number, 0 for an empty file.
func identify(path string) (current int64, err error) {
	c, err := dial(path, "busy_timeout=1000")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	id, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	if id == 0 {
		tables, err := c.number("SELECT count(*) FROM sqlite_schema")
		if err != nil {
			return 0, fmt.Errorf("open %s: %w", path, err)
		}
		if tables == 0 {
			_, err := c.exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID))
			return 0, err
		}
	}
	if id != applicationID {
		return 0, fmt.Errorf("open %s: not a Tendril database", path)
	}
	return c.number("PRAGMA user_version")
}
