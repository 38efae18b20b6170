package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/tendril-run/tendril/gateway/auth"
)

// Owner finds an owner by its name. Error: auth.ErrNotFound.
func (d *DB) Owner(ctx context.Context, name string) (owner auth.Owner, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { owner = auth.Owner{ID: r.text(0), Name: r.text(1)} },
			`SELECT id, name FROM owners WHERE name = ?`, name)
		if err == nil && !found {
			err = auth.ErrNotFound
		}
		return err
	})
	if err != nil {
		return auth.Owner{}, fmt.Errorf("owner %s: %w", name, err)
	}
	return owner, nil
}

// Owners reads all owners in order of their names.
func (d *DB) Owners(ctx context.Context, offset, limit int) (list []auth.Owner, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			list = append(list, auth.Owner{ID: r.text(0), Name: r.text(1)})
			return nil
		}, `SELECT id, name FROM owners ORDER BY name LIMIT ? OFFSET ?`, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("owners: %w", err)
	}
	return list, nil
}

// CreateOwner makes an owner with its first token, an admin's. Error:
// auth.ErrExists.
func (d *DB) CreateOwner(ctx context.Context, name string, admin [32]byte) (auth.Owner, error) {
	owner := auth.Owner{ID: strings.ToLower(rand.Text()), Name: name}
	err := d.writer.guard(ctx, func(c *conn) error {
		n, err := c.number(`SELECT count(*) FROM owners WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n > 0 {
			return auth.ErrExists
		}
		if _, err := c.exec(`INSERT INTO owners (id, name) VALUES (?, ?)`, owner.ID, name); err != nil {
			return err
		}
		first := auth.Principal{Name: "admin", Owner: owner.ID, Scopes: []auth.Scope{auth.Admin}}
		_, err = insertToken(c, admin, first, d.now(), 0)
		return err
	})
	if err != nil {
		return auth.Owner{}, fmt.Errorf("create owner %s: %w", name, err)
	}
	return owner, nil
}
