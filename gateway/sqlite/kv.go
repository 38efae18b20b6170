package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/runtime"
)

// expiryBatch bounds how many expired keys one transaction deletes.
const expiryBatch = 500

// errEnough ends a read early.
var errEnough = errors.New("enough")

// Pair reads one key of a device: its value as JSON text. Errors:
// dispatch.ErrNoDevice, auth.ErrNotFound for a key that is not there or has
// expired.
func (d *DB) Pair(ctx context.Context, key device.Key, k string) (value []byte, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		device, err := deviceRow(c, key)
		if err != nil {
			return err
		}
		found, err := c.one(func(r row) { value = r.blob(0) },
			`SELECT value FROM kv WHERE device = ? AND key = ? AND (expires = 0 OR expires > ?)`, device, k, d.now())
		if err == nil && !found {
			err = auth.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("key %q of %s: %w", k, key, err)
	}
	return value, nil
}

// Pairs reads up to limit keys that begin with prefix and come behind after, in
// byte order. Error: dispatch.ErrNoDevice.
func (d *DB) Pairs(ctx context.Context, key device.Key, prefix, after string, limit int) (list []runtime.KVPair, err error) {
	from, behind := prefix, false
	if after != "" && after >= prefix {
		from, behind = after, true
	}
	err = d.readers.do(ctx, func(c *conn) error {
		device, err := deviceRow(c, key)
		if err != nil {
			return err
		}
		err = c.each(func(r row) error {
			pair := runtime.KVPair{Key: r.text(0), Value: r.blob(1)}
			if !strings.HasPrefix(pair.Key, prefix) {
				return errEnough
			}
			list = append(list, pair)
			return nil
		}, `SELECT key, value FROM kv
			WHERE device = ? AND key >= ? AND NOT (? AND key = ?) AND (expires = 0 OR expires > ?) ORDER BY key LIMIT ?`,
			device, from, behind, from, d.now(), limit)
		if err == errEnough {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", key, err)
	}
	return list, nil
}

// ExpireKV deletes keys whose time is up, which no read returns any more, in
// small transactions.
func (d *DB) ExpireKV(ctx context.Context) error {
	now := d.now()
	for {
		var deleted int64
		err := d.writer.guard(ctx, func(c *conn) error {
			result, err := c.exec(`DELETE FROM kv WHERE (device, key) IN
				(SELECT device, key FROM kv WHERE expires > 0 AND expires <= ? LIMIT ?)`, now, expiryBatch)
			if err == nil {
				deleted, err = result.RowsAffected()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("delete expired keys: %w", err)
		}
		if deleted < expiryBatch {
			return nil
		}
	}
}
