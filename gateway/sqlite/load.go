package sqlite

import (
	"context"
	"fmt"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// Load implements dispatch.Store. Claims are kept in memory: after a start every
// owner has to load again, and an epoch is only compared with those of this run
// and with Epoch.
func (d *DB) Load(ctx context.Context, key device.Key, epoch dispatch.Epoch) (dispatch.State, dispatch.Rev, error) {
	held, err := d.claim(ctx, key, epoch)
	if err != nil {
		return dispatch.State{}, "", fmt.Errorf("load %s: %w", key, err)
	}
	var state dispatch.State
	err = d.readers.snapshot(ctx, func(c *conn) (err error) {
		state, err = readState(c, held.row, d.now())
		return err
	})
	if err != nil {
		return dispatch.State{}, "", fmt.Errorf("load %s: %w", key, err)
	}
	return state, revision(held.rev), nil
}

// claim goes through the writer's queue: commits before it are on the disk when
// it returns, commits of older owners behind it are fenced.
func (d *DB) claim(ctx context.Context, key device.Key, epoch dispatch.Epoch) (held claim, err error) {
	if epoch < d.epoch {
		return claim{}, dispatch.ErrFenced
	}
	err = d.writer.do(ctx, &write{idle: true, apply: func(c *conn) error {
		old, ok := d.claims.find(key)
		if ok && epoch < old.epoch {
			return dispatch.ErrFenced
		}
		row := old.row
		if !ok {
			var err error
			if row, err = deviceRow(c, key); err != nil {
				return err
			}
		}
		held = claim{row: row, epoch: epoch}
		held.rev = d.claims.set(key, held)
		return nil
	}})
	return held, err
}

// deviceRow finds a device's row id. Error: dispatch.ErrNoDevice.
func deviceRow(c *conn, key device.Key) (int64, error) {
	id, err := c.number(`SELECT id FROM devices WHERE project = ? AND device_id = ?`, key.Project, key.ID)
	if err == nil && id == 0 {
		err = dispatch.ErrNoDevice
	}
	return id, err
}

func readState(c *conn, device, now int64) (s dispatch.State, err error) {
	found, err := c.one(func(r row) { s.Ran = r.text(0) }, `SELECT ran FROM devices WHERE id = ?`, device)
	if err != nil {
		return s, err
	}
	if !found {
		return s, dispatch.ErrNoDevice
	}
	err = c.each(func(r row) error {
		s.KV = append(s.KV, dispatch.KV{Key: r.text(0), Value: r.blob(1), Expires: r.int(2)})
		return nil
	}, `SELECT key, value, expires FROM kv WHERE device = ? AND (expires = 0 OR expires > ?) ORDER BY key`, device, now)
	if err != nil {
		return s, err
	}
	err = c.each(func(r row) error {
		s.Outbox = append(s.Outbox, dispatch.Stored{
			Row: r.int(0), Body: r.blob(1), Key: r.text(2), Expires: r.int(3), Durable: r.int(4) != 0})
		return nil
	}, `SELECT id, body, key, expires, durable FROM outbox WHERE device = ? ORDER BY id`, device)
	if err != nil {
		return s, err
	}
	err = c.each(func(r row) error {
		s.Seen = append(s.Seen, dispatch.Seen{ID: r.text(0), Status: r.text(1), Ack: r.blob(2), At: r.int(3)})
		return nil
	}, `SELECT id, status, ack, at FROM seen WHERE device = ? ORDER BY at, id`, device)
	return s, err
}
