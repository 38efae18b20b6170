package sqlite

import (
	"context"
	"fmt"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
)

// DeviceByToken implements auth.Tokens.
func (d *DB) DeviceByToken(ctx context.Context, hash [32]byte) (key device.Key, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { key = device.Key{Project: r.text(0), ID: r.text(1)} },
			`SELECT d.project, d.device_id FROM device_tokens t JOIN devices d ON d.id = t.device WHERE t.hash = ?`, hash[:])
		if err == nil && !found {
			err = auth.ErrToken
		}
		return err
	})
	return key, err
}

// IssueToken gives a device its first token or, with rotate, a new one: the
// newest before it stays valid until the next rotation, older ones end and are
// returned. Errors: auth.ErrExists without rotate, dispatch.ErrNoDevice.
func (d *DB) IssueToken(ctx context.Context, key device.Key, token [32]byte, rotate bool) (ended [][32]byte, err error) {
	err = d.writer.guard(ctx, func(c *conn) error {
		id, err := deviceRow(c, key)
		if err != nil {
			return err
		}
		next, err := c.number(`SELECT max(rotated) + 1 FROM device_tokens WHERE device = ?`, id)
		if err != nil {
			return err
		}
		if next > 0 && !rotate {
			return auth.ErrExists
		}
		ended = nil
		err = c.each(func(r row) error {
			ended = append(ended, [32]byte(r.blob(0)))
			return nil
		}, `SELECT hash FROM device_tokens WHERE device = ? AND rotated < ? - 1`, id, next)
		if err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM device_tokens WHERE device = ? AND rotated < ? - 1`, id, next); err != nil {
			return err
		}
		_, err = c.exec(`INSERT INTO device_tokens (hash, device, rotated) VALUES (?, ?, ?)`, token[:], id, next)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("token of device %s: %w", key, err)
	}
	return ended, nil
}
