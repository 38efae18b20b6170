package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/tendril-run/tendril/versions"
)

// parcel is an upload with everything prepared that needs no database.
type parcel struct {
	versions.Upload
	uuid                     string
	files                    []blob // as Upload.Files
	bundle, sourceMap        blob
	handlers, crons, options []byte
}

// Insert implements versions.Store. Error: auth.ErrNotFound for the project.
func (d *DB) Insert(ctx context.Context, project string, uploads []versions.Upload) ([]versions.Version, []bool, error) {
	parcels := make([]parcel, len(uploads))
	for i := range uploads {
		var err error
		if parcels[i], err = prepare(uploads[i]); err != nil {
			return nil, nil, fmt.Errorf("store %s: %w", uploads[i].Script.Name, err)
		}
	}
	made, created := make([]versions.Version, len(uploads)), make([]bool, len(uploads))
	err := d.writer.guard(ctx, func(c *conn) error {
		if err := mustProject(c, project); err != nil {
			return err
		}
		for i := range parcels {
			var err error
			if made[i], created[i], err = d.insertVersion(c, project, &parcels[i]); err != nil {
				return fmt.Errorf("%s: %w", parcels[i].Script.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("store versions: %w", err)
	}
	return made, created, nil
}

func prepare(u versions.Upload) (p parcel, err error) {
	p.Upload = u
	id, err := uuid.NewV7()
	if err != nil {
		return p, err
	}
	p.uuid = id.String()
	p.files = make([]blob, len(u.Files))
	for i, f := range u.Files {
		if p.files[i], err = pack(f.Data); err != nil {
			return p, err
		}
	}
	if p.bundle, err = pack(u.Bundle.Code); err != nil {
		return p, err
	}
	if p.sourceMap, err = pack(u.Bundle.SourceMap); err != nil {
		return p, err
	}
	var errs [3]error
	p.handlers, errs[0] = json.Marshal(u.Report.Handlers)
	p.crons, errs[1] = json.Marshal(u.Report.Crons)
	p.options, errs[2] = json.Marshal(u.Report.Options)
	return p, errors.Join(errs[:]...)
}

// insertVersion returns the version that has the digest already, or makes the
// script's next one.
func (d *DB) insertVersion(c *conn, project string, p *parcel) (v versions.Version, created bool, err error) {
	script, err := d.makeScript(c, project, p.Script.Name)
	if err != nil {
		return v, false, err
	}
	old, err := readVersion(c, `WHERE v.script = ? AND v.digest = ?`, script, p.Digest)
	if err == nil || !errors.Is(err, versions.ErrNotFound) {
		return old.Version, false, err
	}
	for _, b := range append([]blob{p.bundle, p.sourceMap}, p.files...) {
		if err := b.insert(c); err != nil {
			return v, false, err
		}
	}
	added, err := c.exec(`INSERT INTO versions (script, number, uuid, digest, main, export, compiler, size, bundle, source_map,
		handlers, crons, options, message, author, created_at)
		SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM versions WHERE script = ?`,
		script, p.uuid, p.Digest, p.Script.Main, p.Script.Export, p.Bundle.Compiler, len(p.Bundle.Code), p.bundle.hash[:], p.sourceMap.hash[:],
		string(p.handlers), string(p.crons), string(p.options), p.Message, p.Author, d.now(), script)
	if err != nil {
		return v, false, err
	}
	id, err := added.LastInsertId()
	if err != nil {
		return v, false, err
	}
	for i, f := range p.Files {
		_, err := c.exec(`INSERT INTO version_files (version, path, hash) VALUES (?, ?, ?)`, id, f.Path, p.files[i].hash[:])
		if err != nil {
			return v, false, err
		}
	}
	made, err := readVersion(c, `WHERE v.id = ?`, id)
	return made.Version, true, err
}

// makeScript finds a script's row id, making the script when it is new.
func (d *DB) makeScript(c *conn, project, name string) (int64, error) {
	id, err := scriptRow(c, project, name)
	if !errors.Is(err, versions.ErrNotFound) {
		return id, err
	}
	added, err := c.exec(`INSERT INTO scripts (project, name, created_at) VALUES (?, ?, ?)`, project, name, d.now())
	if err != nil {
		return 0, err
	}
	return added.LastInsertId()
}
