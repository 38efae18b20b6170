package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/tendril-run/tendril/gateway/auth"
)

// AddToken stores an API token by its hash. The principal's TokenID is made here
// and returned; expires is epoch milliseconds, 0 for never.
func (d *DB) AddToken(ctx context.Context, hash [32]byte, p auth.Principal, expires int64) (auth.Principal, error) {
	err := d.writer.guard(ctx, func(c *conn) (err error) {
		p.TokenID, err = insertToken(c, hash, p, d.now(), expires)
		return err
	})
	if err != nil {
		return auth.Principal{}, fmt.Errorf("add token %q: %w", p.Name, err)
	}
	return p, nil
}

// insertToken returns the id that it makes.
func insertToken(c *conn, hash [32]byte, p auth.Principal, at, expires int64) (string, error) {
	id := strings.ToLower(rand.Text())
	var project any
	if p.Project != "" {
		project = p.Project
	}
	_, err := c.exec(`INSERT INTO tokens (id, hash, name, owner, project, scopes, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, id, hash[:], p.Name, p.Owner, project, joinScopes(p.Scopes), at, expires)
	return id, err
}

// PrincipalByToken implements auth.Tokens.
func (d *DB) PrincipalByToken(ctx context.Context, hash [32]byte) (p auth.Principal, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) {
			p = auth.Principal{TokenID: r.text(0), Name: r.text(1), Owner: r.text(2), Project: r.text(3), Scopes: splitScopes(r.text(4))}
		}, `SELECT id, name, owner, project, scopes FROM tokens WHERE hash = ? AND (expires_at = 0 OR expires_at > ?)`, hash[:], d.now())
		if err == nil && !found {
			err = auth.ErrToken
		}
		return err
	})
	return p, err
}

// APITokens reads the API tokens of an owner, the newest first; only is the id of
// the one project whose tokens may be seen, or "" for all.
func (d *DB) APITokens(ctx context.Context, owner, only string, offset, limit int) (list []auth.Token, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			list = append(list, auth.Token{
				ID: r.text(0), Name: r.text(1), Project: r.text(2), Scopes: splitScopes(r.text(3)), CreatedAt: r.int(4), ExpiresAt: r.int(5),
			})
			return nil
		}, `SELECT t.id, t.name, p.slug, t.scopes, t.created_at, t.expires_at FROM tokens t LEFT JOIN projects p ON p.id = t.project
			WHERE t.owner = ? AND ? IN ('', t.project) ORDER BY t.created_at DESC, t.id LIMIT ? OFFSET ?`, owner, only, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("tokens of %s: %w", owner, err)
	}
	return list, nil
}

// RemoveToken revokes an API token of an owner; only as of APITokens. Errors:
// auth.ErrNotFound, auth.ErrLastAdmin.
func (d *DB) RemoveToken(ctx context.Context, owner, only, id string) error {
	err := d.writer.guard(ctx, func(c *conn) error {
		// Without this one, who could still make tokens?
		left, err := c.number(`SELECT count(*) FROM tokens WHERE owner = ? AND `+foundation+` AND id <> ?`, owner, id)
		if err != nil {
			return err
		}
		needed, err := c.number(`SELECT count(*) FROM tokens WHERE owner = ? AND `+foundation+` AND id = ?`, owner, id)
		if err != nil {
			return err
		}
		if needed > 0 && left == 0 && only == "" {
			return auth.ErrLastAdmin
		}
		result, err := c.exec(`DELETE FROM tokens WHERE owner = ? AND ? IN ('', project) AND id = ?`, owner, only, id)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err == nil && n == 0 {
			err = auth.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove token %s: %w", id, err)
	}
	return nil
}

// foundation are the tokens that can always make others.
const foundation = `project IS NULL AND expires_at = 0 AND ',' || scopes || ',' LIKE '%,admin,%'`

// Tokens counts the API tokens of an owner.
func (d *DB) Tokens(ctx context.Context, owner string) (n int64, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		n, err = c.number(`SELECT count(*) FROM tokens WHERE owner = ?`, owner)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("tokens of %s: %w", owner, err)
	}
	return n, nil
}

func joinScopes(scopes []auth.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func splitScopes(text string) (scopes []auth.Scope) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		scopes = append(scopes, auth.Scope(word))
	}
	return scopes
}
