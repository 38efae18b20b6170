package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
)

// Commit implements dispatch.Store. The change is durable when it returns; its
// log lines, but for the outcome row, follow within the time of a flush. It may
// block while the queue of lines is full.
func (d *DB) Commit(ctx context.Context, change dispatch.Change) (dispatch.Rev, error) {
	if err := check(&change); err != nil {
		return "", fmt.Errorf("commit %s: %w", change.Key, err)
	}
	var ids span
	if change.Log != nil {
		ids = d.sequence.take(change.Log)
	}
	var held claim
	err := d.writer.do(ctx, &write{idle: !writes(&change), apply: func(c *conn) (err error) {
		held, err = d.apply(c, &change, ids)
		return err
	}})
	d.sequence.settle(ids.outcome)
	if err != nil {
		d.sequence.settle(ids.lines)
		return "", fmt.Errorf("commit %s: %w", change.Key, err)
	}
	if ids.lines != nil {
		d.report("keep log lines", d.lines.push(held.row, change.Log, ids.lines))
	}
	return revision(held.rev), nil
}

// check refuses before anything is written what a statement would refuse half
// way.
func check(change *dispatch.Change) error {
	for _, kv := range change.KV {
		if !kv.Delete && kv.Value == nil {
			return fmt.Errorf("key %q has no value", kv.Key)
		}
	}
	for _, o := range change.Outbox {
		switch o.Verb {
		case dispatch.Add, dispatch.Replace:
			if o.Body == nil {
				return errors.New("command has no body")
			}
		case dispatch.Acknowledge, dispatch.Expire, dispatch.Purge:
		default:
			return fmt.Errorf("unknown outbox verb %q", o.Verb)
		}
	}
	return nil
}

// writes says whether a change has anything for the main file.
func writes(c *dispatch.Change) bool {
	return len(c.Seen) > 0 || len(c.Forget) > 0 || len(c.KV) > 0 || len(c.Outbox) > 0 || c.Ran != "" ||
		(c.Log != nil && hasOutcome(c.Log))
}

// apply runs in the writer: it judges the change first and writes then.
func (d *DB) apply(c *conn, change *dispatch.Change, ids span) (claim, error) {
	held, ok := d.claims.find(change.Key)
	switch {
	case !ok:
		if _, err := deviceRow(c, change.Key); err != nil {
			return claim{}, err
		}
		return claim{}, dispatch.ErrConflict
	case change.Epoch < held.epoch:
		return claim{}, dispatch.ErrFenced
	case change.Epoch > held.epoch, change.Expect != revision(held.rev):
		return claim{}, dispatch.ErrConflict
	}
	if err := applySeen(c, held.row, change); err != nil {
		return claim{}, err
	}
	if err := applyKV(c, held.row, change.KV); err != nil {
		return claim{}, err
	}
	if err := applyOutbox(c, held.row, change.Outbox); err != nil {
		return claim{}, err
	}
	if change.Ran != "" {
		if _, err := c.exec(`UPDATE devices SET ran = ? WHERE id = ?`, change.Ran, held.row); err != nil {
			return claim{}, err
		}
	}
	if ids.outcome != nil {
		if err := insertOutcome(c, held.row, change.Log, ids.outcome.first); err != nil {
			return claim{}, err
		}
	}
	held.rev = d.claims.set(change.Key, held)
	return held, nil
}

func applySeen(c *conn, device int64, change *dispatch.Change) error {
	for i := range change.Seen {
		s := &change.Seen[i]
		_, err := c.exec(`INSERT INTO seen (device, id, status, ack, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (device, id) DO UPDATE SET status = excluded.status, ack = excluded.ack, at = excluded.at`,
			device, s.ID, s.Status, s.Ack, s.At)
		if err != nil {
			return err
		}
	}
	for _, id := range change.Forget {
		if _, err := c.exec(`DELETE FROM seen WHERE device = ? AND id = ?`, device, id); err != nil {
			return err
		}
	}
	return nil
}

func applyKV(c *conn, device int64, changes []dispatch.KVChange) (err error) {
	for i := range changes {
		kv := &changes[i]
		if kv.Delete {
			_, err = c.exec(`DELETE FROM kv WHERE device = ? AND key = ?`, device, kv.Key)
		} else {
			_, err = c.exec(`INSERT INTO kv (device, key, value, expires) VALUES (?, ?, ?, ?)
				ON CONFLICT (device, key) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
				device, kv.Key, kv.Value, kv.Expires)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyOutbox sets the row of every added command in place.
func applyOutbox(c *conn, device int64, changes []dispatch.OutboxChange) error {
	for i := range changes {
		o := &changes[i]
		gone := o.Row
		if o.Verb == dispatch.Add || o.Verb == dispatch.Replace {
			gone = o.Old
			added, err := c.exec(`INSERT INTO outbox (device, body, key, expires, durable) VALUES (?, ?, ?, ?, ?)`,
				device, o.Body, o.Key, o.Expires, o.Durable)
			if err != nil {
				return err
			}
			if o.Row, err = added.LastInsertId(); err != nil {
				return err
			}
		}
		if o.Verb == dispatch.Add {
			continue
		}
		if _, err := c.exec(`DELETE FROM outbox WHERE id = ? AND device = ?`, gone, device); err != nil {
			return err
		}
	}
	return nil
}

// hasOutcome says whether a record leaves a row in the main file.
func hasOutcome(rec *logs.Record) bool { return rec.Outcome || rec.Error != nil }
