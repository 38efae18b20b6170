package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tendril-run/tendril/versions"
)

// versionQuery reads versions; where and order follow. Message and author are of
// the newest deployment that made the version live, else of its upload.
const versionQuery = `SELECT v.number, v.uuid, s.project, s.name, v.main, v.export, v.digest, v.compiler, v.size,
	v.handlers, v.crons, v.options, v.created_at, coalesce(d.message, v.message), coalesce(d.author, v.author),
	coalesce(l.stable = v.number, 0), v.bundle, v.source_map, v.id
	FROM versions v JOIN scripts s ON s.id = v.script LEFT JOIN live l ON l.script = v.script
	LEFT JOIN deployments d ON d.id = (SELECT max(id) FROM deployments WHERE script = v.script AND to_number = v.number) `

// stored is a version with where its contents are.
type stored struct {
	versions.Version
	id                int64
	bundle, sourceMap []byte // hashes
}

func scanVersion(r row) (v stored, err error) {
	v = stored{id: r.int(18), bundle: r.blob(16), sourceMap: r.blob(17), Version: versions.Version{
		Number: int(r.int(0)), UUID: r.text(1), Project: r.text(2),
		Script: versions.Script{Name: r.text(3), Main: r.text(4), Export: r.text(5)},
		Digest: r.text(6), Compiler: r.text(7), Size: int(r.int(8)), CreatedAt: r.int(12),
		Message: r.text(13), Author: r.text(14), Active: r.int(15) != 0}}
	for i, into := range []any{&v.Report.Handlers, &v.Report.Crons, &v.Report.Options} {
		if err := json.Unmarshal(r.blob(9+i), into); err != nil {
			return v, fmt.Errorf("version %s: %w", v.UUID, err)
		}
	}
	return v, nil
}

// readVersion reads the one version that where names. Error:
// versions.ErrNotFound.
func readVersion(c *conn, where string, args ...any) (v stored, err error) {
	var bad error
	found, err := c.one(func(r row) { v, bad = scanVersion(r) }, versionQuery+where, args...)
	switch {
	case err != nil:
		return v, err
	case !found:
		return v, versions.ErrNotFound
	}
	return v, bad
}

// Versions reads versions of a script, newest first. Error:
// versions.ErrNotFound for a script that has none.
func (d *DB) Versions(ctx context.Context, project, script string, offset, limit int) (list []versions.Version, err error) {
	err = d.readers.snapshot(ctx, func(c *conn) error {
		if _, err := scriptRow(c, project, script); err != nil {
			return err
		}
		return c.each(func(r row) error {
			v, err := scanVersion(r)
			list = append(list, v.Version)
			return err
		}, versionQuery+`WHERE s.project = ? AND s.name = ? ORDER BY v.number DESC LIMIT ? OFFSET ?`, project, script, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", script, err)
	}
	return list, nil
}

// Version reads one version of a script. Error: versions.ErrNotFound.
func (d *DB) Version(ctx context.Context, project, script string, number int) (v versions.Version, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := readVersion(c, `WHERE s.project = ? AND s.name = ? AND v.number = ?`, project, script, number)
		v = found.Version
		return err
	})
	if err != nil {
		return versions.Version{}, fmt.Errorf("version %s v%d: %w", script, number, err)
	}
	return v, nil
}

// VersionByDigest reads the version of a script that has a digest. Error:
// versions.ErrNotFound.
func (d *DB) VersionByDigest(ctx context.Context, project, script, digest string) (v versions.Version, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := readVersion(c, `WHERE s.project = ? AND s.name = ? AND v.digest = ?`, project, script, digest)
		v = found.Version
		return err
	})
	if err != nil {
		return versions.Version{}, fmt.Errorf("version of %s by digest: %w", script, err)
	}
	return v, nil
}

// Sources reads the files a version was made of, sorted by path. Error:
// versions.ErrNotFound.
func (d *DB) Sources(ctx context.Context, project, script string, number int) (files []versions.File, err error) {
	err = d.readers.snapshot(ctx, func(c *conn) error {
		v, err := readVersion(c, `WHERE s.project = ? AND s.name = ? AND v.number = ?`, project, script, number)
		if err != nil {
			return err
		}
		return c.each(func(r row) error {
			data, err := readBlob(c, r.blob(1))
			files = append(files, versions.File{Path: r.text(0), Data: data})
			return err
		}, `SELECT path, hash FROM version_files WHERE version = ? ORDER BY path`, v.id)
	})
	if err != nil {
		return nil, fmt.Errorf("sources of %s v%d: %w", script, number, err)
	}
	return files, nil
}

// scriptRow finds a script's row id. Error: versions.ErrNotFound.
func scriptRow(c *conn, project, name string) (int64, error) {
	id, err := c.number(`SELECT id FROM scripts WHERE project = ? AND name = ?`, project, name)
	if err == nil && id == 0 {
		err = versions.ErrNotFound
	}
	return id, err
}
