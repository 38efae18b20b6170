package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/versions"
)

// Deploy implements versions.Store. A stale expectation is a conflict even when
// the pointer already names the version. Further error: auth.ErrNotFound for the
// project.
func (d *DB) Deploy(ctx context.Context, r versions.Request) ([]versions.Deployment, []versions.Placement, error) {
	var rows []versions.Deployment
	placed := make([]versions.Placement, len(r.Devices))
	err := d.writer.guard(ctx, func(c *conn) error {
		rows = nil
		if err := mustProject(c, r.Project); err != nil {
			return err
		}
		for _, f := range r.Flips {
			row, err := d.flip(c, &r, f)
			if err != nil {
				return fmt.Errorf("%s v%d: %w", f.Script, f.To, err)
			}
			if row != nil {
				rows = append(rows, *row)
			}
		}
		for i, p := range r.Devices {
			var err error
			if placed[i], err = d.place(c, r.Project, p); err != nil {
				return fmt.Errorf("device %s: %w", p.Device, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.Kind, err)
	}
	return rows, placed, nil
}

// flip moves one pointer and appends its row of history, or returns nil when the
// pointer is there already.
func (d *DB) flip(c *conn, r *versions.Request, f versions.Flip) (*versions.Deployment, error) {
	script, err := scriptRow(c, r.Project, f.Script)
	if err != nil {
		return nil, err
	}
	n, err := c.number(`SELECT count(*) FROM versions WHERE script = ? AND number = ?`, script, f.To)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, versions.ErrNotFound
	}
	live, err := readLive(c, script)
	if err != nil {
		return nil, err
	}
	if f.Expect != nil && *f.Expect != live.Stable {
		return nil, fmt.Errorf("%w: expected %s, live is %s", versions.ErrConflict, pointer(*f.Expect), pointer(live.Stable))
	}
	if live.Stable == f.To {
		return nil, nil
	}
	if r.Kind == versions.Rollback {
		n, err := c.number(`SELECT count(*) FROM deployments WHERE script = ? AND to_number = ?`, script, f.To)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, versions.ErrNeverActive
		}
	}
	_, err = c.exec(`INSERT INTO live (script, stable) VALUES (?, ?) ON CONFLICT (script) DO UPDATE SET stable = excluded.stable`,
		script, f.To)
	if err != nil {
		return nil, err
	}
	return d.history(c, r, f, script, live.Stable)
}

// history appends a deployment.
func (d *DB) history(c *conn, r *versions.Request, f versions.Flip, script int64, from int) (*versions.Deployment, error) {
	row := versions.Deployment{Kind: r.Kind, Script: f.Script, From: from, To: f.To, Author: r.Author, Message: r.Message, CreatedAt: d.now()}
	added, err := c.exec(`INSERT INTO deployments (project, script, kind, from_number, to_number, message, author, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, r.Project, script, string(row.Kind), row.From, row.To, row.Message, row.Author, row.CreatedAt)
	if err != nil {
		return nil, err
	}
	id, err := added.LastInsertId()
	row.ID = strconv.FormatInt(id, 10)
	return &row, err
}

// place makes a device, without a token, or moves it to another script.
func (d *DB) place(c *conn, project string, p versions.Placement) (versions.Placement, error) {
	key := device.Key{Project: project, ID: p.Device}
	id, err := deviceRow(c, key)
	if p.Created = errors.Is(err, dispatch.ErrNoDevice); p.Created {
		_, err = insertDevice(c, key, p.Script, d.now())
		return p, err
	}
	if err != nil {
		return p, err
	}
	_, err = c.exec(`UPDATE devices SET script = ? WHERE id = ? AND script <> ?`, p.Script, id, p.Script)
	return p, err
}

func pointer(number int) string {
	if number == 0 {
		return "none"
	}
	return "v" + strconv.Itoa(number)
}

// Deployments reads a project's history, newest first.
func (d *DB) Deployments(ctx context.Context, project string, offset, limit int) (list []versions.Deployment, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			list = append(list, versions.Deployment{ID: strconv.FormatInt(r.int(0), 10), Kind: versions.Kind(r.text(1)), Script: r.text(2),
				From: int(r.int(3)), To: int(r.int(4)), Message: r.text(5), Author: r.text(6), CreatedAt: r.int(7)})
			return nil
		}, `SELECT d.id, d.kind, s.name, d.from_number, d.to_number, d.message, d.author, d.created_at
			FROM deployments d JOIN scripts s ON s.id = d.script WHERE d.project = ? ORDER BY d.id DESC LIMIT ? OFFSET ?`,
			project, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("deployments of %s: %w", project, err)
	}
	return list, nil
}
