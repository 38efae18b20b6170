package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// retainBatch bounds how many outcome rows one transaction deletes.
const retainBatch = 500

// Retain lets go of what is past its age or beyond the total: log files as a
// whole, oldest first, and outcome rows in small transactions. The file that is
// written stays.
func (d *DB) Retain(ctx context.Context) error {
	before := d.now() - d.opts.LogAge.Milliseconds()
	files := d.files.snapshot()
	var total int64
	for _, f := range files {
		total += f.size()
	}
	for _, f := range files {
		_, lastTime, cut := d.files.bounds(f)
		if !cut || (lastTime >= before && total <= d.opts.LogTotal) {
			continue
		}
		total -= f.size()
		if err := d.files.forget(ctx, f); err != nil {
			return fmt.Errorf("retire %s: %w", f.path, err)
		}
		if err := errors.Join(f.retire(), removeLog(f.path)); err != nil {
			return fmt.Errorf("retire %s: %w", f.path, err)
		}
	}
	return d.retainOutcomes(ctx, before)
}

func (d *DB) retainOutcomes(ctx context.Context, before int64) error {
	for {
		var deleted int64
		err := d.writer.guard(ctx, func(c *conn) error {
			result, err := c.exec(`DELETE FROM outcomes WHERE time < ? AND id IN (SELECT id FROM outcomes ORDER BY id LIMIT ?)`,
				before, retainBatch)
			if err == nil {
				deleted, err = result.RowsAffected()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("retire outcome rows: %w", err)
		}
		if deleted < retainBatch {
			return nil
		}
	}
}
