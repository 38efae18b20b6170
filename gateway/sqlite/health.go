package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// While writes fail one is tried every so often, so that whoever waits for room
// hears of it within a second. It is of some size: where the disk is full, small
// writes may still find a place and say nothing about room.
const (
	probeEvery = 250 * time.Millisecond
	probeBytes = 256 << 10
)

// health is what the writes to the main file told of the disk last.
type health struct {
	logger *slog.Logger
	failed chan error // takes the first damage

	mu      sync.Mutex
	fault   error // nil after a write that worked
	since   time.Time
	refused uint64 // writes since then
}

func newHealth(logger *slog.Logger) *health {
	return &health{logger: logger, failed: make(chan error, 1)}
}

// note takes the outcome of a batch of so many writes. The log hears of the
// first failure and of the end of a burst, not of each.
func (h *health) note(err error, writes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		if h.fault == nil {
			h.logger.Error("database: writes fail", "error", err)
			h.since = time.Now()
		}
		h.fault = err
		h.refused += uint64(writes)
		h.damage(err)
	case !errors.Is(h.fault, dispatch.ErrFull): // else the probe says when there is room
		h.clear()
	}
}

// clear says that writes work. With the lock held.
func (h *health) clear() {
	if h.fault != nil {
		h.logger.Info("database: writes work again", "refused", h.refused, "after", time.Since(h.since).Round(time.Millisecond))
		h.fault, h.refused = nil, 0
	}
}

// damage tells whoever runs the database that it must not go on.
func (h *health) damage(err error) {
	if !errors.Is(err, ErrDamaged) {
		return
	}
	select {
	case h.failed <- err:
	default:
	}
}

func (h *health) last() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fault
}

// Writable is nil when the last write worked, else why it did not. While writes
// fail one is tried four times a second.
func (d *DB) Writable() error { return d.health.last() }

// Failed gives the error of a main file that turned out to be damaged: the
// database must not be used any more.
func (d *DB) Failed() <-chan error { return d.health.failed }

// probe tries a write when writes fail, and takes it back.
func (d *DB) probe() {
	if d.health.last() == nil {
		return
	}
	ctx := context.Background()
	err := d.writer.guard(ctx, func(c *conn) error {
		_, err := c.exec(`INSERT INTO meta (name, value) VALUES ('probe', CAST(zeroblob(?) AS TEXT))
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, probeBytes)
		return err
	})
	if err != nil {
		return // health has heard of it
	}
	d.health.mu.Lock()
	d.health.clear()
	d.health.mu.Unlock()
	d.report("take the probe back", d.writer.guard(ctx, func(c *conn) error {
		_, err := c.exec(`DELETE FROM meta WHERE name = 'probe'`)
		return err
	}))
}
