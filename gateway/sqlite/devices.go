package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// CreateDevice makes a device with its first token. The script may come later.
// Errors: auth.ErrExists, auth.ErrNotFound for the project.
func (d *DB) CreateDevice(ctx context.Context, key device.Key, script string, token [32]byte) (device.Device, error) {
	dev := device.Device{Key: key, Script: script, CreatedAt: d.now()}
	err := d.writer.guard(ctx, func(c *conn) error {
		if err := mustProject(c, key.Project); err != nil {
			return err
		}
		_, err := deviceRow(c, key)
		if err == nil {
			return auth.ErrExists
		}
		if !errors.Is(err, dispatch.ErrNoDevice) {
			return err
		}
		if dev.Row, err = insertDevice(c, key, script, dev.CreatedAt); err != nil {
			return err
		}
		_, err = c.exec(`INSERT INTO device_tokens (hash, device, rotated) VALUES (?, ?, 0)`, token[:], dev.Row)
		return err
	})
	if err != nil {
		return device.Device{}, fmt.Errorf("create device %s: %w", key, err)
	}
	return dev, nil
}

func insertDevice(c *conn, key device.Key, script string, at int64) (int64, error) {
	added, err := c.exec(`INSERT INTO devices (project, device_id, script, created_at) VALUES (?, ?, ?, ?)`,
		key.Project, key.ID, script, at)
	if err != nil {
		return 0, err
	}
	return added.LastInsertId()
}

const deviceColumns = `SELECT id, project, device_id, script, created_at, last_seen, metadata FROM devices `

func (d *DB) scanDevice(r row) device.Device {
	dev := device.Device{Row: r.int(0), Key: device.Key{Project: r.text(1), ID: r.text(2)}, Script: r.text(3),
		CreatedAt: r.int(4), LastSeen: r.int(5), Metadata: r.blob(6)}
	d.presence.overlay(&dev)
	return dev
}

// Device reads one device. Error: dispatch.ErrNoDevice.
func (d *DB) Device(ctx context.Context, key device.Key) (dev device.Device, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { dev = d.scanDevice(r) },
			deviceColumns+`WHERE project = ? AND device_id = ?`, key.Project, key.ID)
		if err == nil && !found {
			err = dispatch.ErrNoDevice
		}
		return err
	})
	if err != nil {
		return device.Device{}, fmt.Errorf("device %s: %w", key, err)
	}
	return dev, nil
}

// Script names the script that a device runs, which may not exist. Error:
// dispatch.ErrNoDevice.
func (d *DB) Script(ctx context.Context, key device.Key) (string, error) {
	dev, err := d.Device(ctx, key)
	return dev.Script, err
}

// Devices reads devices of a project in byte order of their ids.
func (d *DB) Devices(ctx context.Context, project string, offset, limit int) (list []device.Device, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error {
			list = append(list, d.scanDevice(r))
			return nil
		}, deviceColumns+`WHERE project = ? ORDER BY device_id LIMIT ? OFFSET ?`, project, limit, offset)
	})
	if err != nil {
		return nil, fmt.Errorf("devices of %s: %w", project, err)
	}
	return list, nil
}

// MoveDevice gives a device to another script. Error: dispatch.ErrNoDevice.
func (d *DB) MoveDevice(ctx context.Context, key device.Key, script string) error {
	err := d.writer.guard(ctx, func(c *conn) error {
		id, err := deviceRow(c, key)
		if err != nil {
			return err
		}
		_, err = c.exec(`UPDATE devices SET script = ? WHERE id = ?`, script, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("move device %s: %w", key, err)
	}
	return nil
}

// Remove deletes a device with its tokens, KV, outbox and ids. Its log
// rows go with retention, but nobody can read them: a device of the same id made
// later has another row id. Error: dispatch.ErrNoDevice.
func (d *DB) Remove(ctx context.Context, key device.Key) error {
	err := d.writer.guard(ctx, func(c *conn) error {
		id, err := deviceRow(c, key)
		if err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM kv WHERE device = ?`,
			`DELETE FROM seen WHERE device = ?`,
			`DELETE FROM outbox WHERE device = ?`,
			`DELETE FROM devices WHERE id = ?`,
		} {
			if _, err := c.exec(statement, id); err != nil {
				return err
			}
		}
		d.claims.drop(key)
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove device %s: %w", key, err)
	}
	d.presence.forget(key)
	return nil
}
