package sqlite

import (
	"context"
	"fmt"

	"github.com/tendril-run/tendril/versions"
)

// Live reads the live version of a script, its bundle and the kind of the
// deployment that made it live. Error: versions.ErrNotFound when none is.
func (d *DB) Live(ctx context.Context, project, script string) (v versions.Version, b versions.Bundle, kind versions.Kind, err error) {
	err = d.readers.snapshot(ctx, func(c *conn) error {
		found, err := readVersion(c, `WHERE s.project = ? AND s.name = ? AND v.number = l.stable`, project, script)
		if err != nil {
			return err
		}
		v = found.Version
		if b, err = readBundle(c, found); err != nil {
			return err
		}
		_, err = c.one(func(r row) { kind = versions.Kind(r.text(0)) }, `SELECT d.kind FROM deployments d
			JOIN scripts s ON s.id = d.script WHERE s.project = ? AND s.name = ? AND d.to_number = ? ORDER BY d.id DESC LIMIT 1`,
			project, script, v.Number)
		return err
	})
	if err != nil {
		return versions.Version{}, versions.Bundle{}, "", fmt.Errorf("live version of %s: %w", script, err)
	}
	return v, b, kind, nil
}

// Pointer reads which version of a script is live. Error: versions.ErrNotFound
// when none is.
func (d *DB) Pointer(ctx context.Context, project, script string) (live versions.Live, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		id, err := scriptRow(c, project, script)
		if err != nil {
			return err
		}
		live, err = readLive(c, id)
		if err == nil && live.Stable == 0 {
			err = versions.ErrNotFound
		}
		return err
	})
	if err != nil {
		return versions.Live{}, fmt.Errorf("live version of %s: %w", script, err)
	}
	return live, nil
}

// Bundle reads any version by its UUID. Error: versions.ErrNotFound.
func (d *DB) Bundle(ctx context.Context, uuid string) (v versions.Version, b versions.Bundle, err error) {
	err = d.readers.snapshot(ctx, func(c *conn) error {
		found, err := readVersion(c, `WHERE v.uuid = ?`, uuid)
		if err != nil {
			return err
		}
		v = found.Version
		b, err = readBundle(c, found)
		return err
	})
	if err != nil {
		return versions.Version{}, versions.Bundle{}, fmt.Errorf("version %s: %w", uuid, err)
	}
	return v, b, nil
}

// readBundle reads and checks what a version's script runs.
func readBundle(c *conn, v stored) (b versions.Bundle, err error) {
	b.Compiler = v.Compiler
	if b.Code, err = readBlob(c, v.bundle); err != nil {
		return b, err
	}
	if b.SourceMap, err = readBlob(c, v.sourceMap); err != nil {
		return b, err
	}
	err = c.each(func(r row) error {
		b.Inputs = append(b.Inputs, r.text(0))
		return nil
	}, `SELECT path FROM version_files WHERE version = ? ORDER BY path`, v.id)
	return b, err
}

// readLive reads a script's pointer; Stable is 0 when it names nothing.
func readLive(c *conn, script int64) (versions.Live, error) {
	n, err := c.number(`SELECT stable FROM live WHERE script = ?`, script)
	return versions.Live{Stable: int(n)}, err
}
