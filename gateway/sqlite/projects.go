package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/tendril-run/tendril/gateway/auth"
)

// CreateProject makes a project. Error: auth.ErrExists.
func (d *DB) CreateProject(ctx context.Context, owner, slug string) (auth.Project, error) {
	p := auth.Project{ID: strings.ToLower(rand.Text()), Owner: owner, Slug: slug, CreatedAt: d.now()}
	err := d.writer.guard(ctx, func(c *conn) error {
		n, err := c.number(`SELECT count(*) FROM projects WHERE owner = ? AND slug = ?`, owner, slug)
		if err != nil {
			return err
		}
		if n > 0 {
			return auth.ErrExists
		}
		_, err = c.exec(`INSERT INTO projects (id, owner, slug, created_at) VALUES (?, ?, ?, ?)`, p.ID, p.Owner, p.Slug, p.CreatedAt)
		return err
	})
	if err != nil {
		return auth.Project{}, fmt.Errorf("create project %s: %w", slug, err)
	}
	return p, nil
}

const projectColumns = `SELECT id, owner, slug, created_at FROM projects `

func scanProject(r row) auth.Project {
	return auth.Project{ID: r.text(0), Owner: r.text(1), Slug: r.text(2), CreatedAt: r.int(3)}
}

// Project finds an owner's project by its slug. Error: auth.ErrNotFound.
func (d *DB) Project(ctx context.Context, owner, slug string) (p auth.Project, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { p = scanProject(r) }, projectColumns+`WHERE owner = ? AND slug = ?`, owner, slug)
		if err == nil && !found {
			err = auth.ErrNotFound
		}
		return err
	})
	if err != nil {
		return auth.Project{}, fmt.Errorf("project %s: %w", slug, err)
	}
	return p, nil
}

// ProjectByID finds a project by its internal id. Error: auth.ErrNotFound.
func (d *DB) ProjectByID(ctx context.Context, id string) (p auth.Project, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { p = scanProject(r) }, projectColumns+`WHERE id = ?`, id)
		if err == nil && !found {
			err = auth.ErrNotFound
		}
		return err
	})
	if err != nil {
		return auth.Project{}, fmt.Errorf("project %s: %w", id, err)
	}
	return p, nil
}

// Projects reads an owner's projects in order of their slugs; only is the id of
// the one that may be seen, or "" for all.
func (d *DB) Projects(ctx context.Context, owner, only string, offset, limit int) (list []auth.Project, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			list = append(list, scanProject(r))
			return nil
		}, projectColumns+`WHERE owner = ? AND ? IN ('', id) ORDER BY slug LIMIT ? OFFSET ?`, owner, only, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("projects of %s: %w", owner, err)
	}
	return list, nil
}

// mustProject makes sure that a project exists. Error: auth.ErrNotFound.
func mustProject(c *conn, id string) error {
	n, err := c.number(`SELECT count(*) FROM projects WHERE id = ?`, id)
	if err == nil && n == 0 {
		err = fmt.Errorf("project %s: %w", id, auth.ErrNotFound)
	}
	return err
}
