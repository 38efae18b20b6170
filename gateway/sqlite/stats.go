package sqlite

import (
	"context"
	"sync/atomic"
	"time"
)

// Histogram counts observations. Counts[i] are those of at most Bounds[i], not
// counted before; the last one has no bound.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    float64
}

// Stats is what the writer has done since the start.
type Stats struct {
	BatchSize     Histogram // writes that shared a transaction
	BatchDuration Histogram // seconds from its begin to its commit
	Failed        uint64    // writes whose batch could not be committed
	Reopened      uint64    // how often the main file was opened again
	Waiting       int       // writes in the queue
	Synchronous   int       // as SQLite says of the writer's connection: 2 is FULL
	LinesDropped  uint64    // log lines beyond a project's bound
	LinesLost     uint64    // log lines that could not be written
}

// Bounds of the two histograms.
var (
	sizeBounds = [...]float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
	timeBounds = [...]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
)

type writerStats struct {
	sizes    [len(sizeBounds) + 1]atomic.Uint64
	times    [len(timeBounds) + 1]atomic.Uint64
	writes   atomic.Uint64
	nanos    atomic.Int64
	failed   atomic.Uint64
	reopened atomic.Uint64

	synchronous atomic.Int64
}

// note counts one batch.
func (s *writerStats) note(writes int, took time.Duration, err error) {
	if err != nil {
		s.failed.Add(uint64(writes))
		return
	}
	count(s.sizes[:], sizeBounds[:], float64(writes))
	count(s.times[:], timeBounds[:], took.Seconds())
	s.writes.Add(uint64(writes))
	s.nanos.Add(int64(took))
}

func count(into []atomic.Uint64, bounds []float64, value float64) {
	i := 0
	for i < len(bounds) && value > bounds[i] {
		i++
	}
	into[i].Add(1)
}

func histogram(counts []atomic.Uint64, bounds []float64, sum float64) Histogram {
	h := Histogram{Bounds: bounds, Counts: make([]uint64, len(counts)), Sum: sum}
	for i := range counts {
		h.Counts[i] = counts[i].Load()
	}
	return h
}

// Stats may be called at any time; it does not touch the disk.
func (d *DB) Stats() Stats {
	w := &d.writer.stats
	return Stats{
		BatchSize:     histogram(w.sizes[:], sizeBounds[:], float64(w.writes.Load())),
		BatchDuration: histogram(w.times[:], timeBounds[:], time.Duration(w.nanos.Load()).Seconds()),
		Failed:        w.failed.Load(),
		Reopened:      w.reopened.Load(),
		Waiting:       len(d.writer.queue),
		Synchronous:   int(w.synchronous.Load()),
		LinesDropped:  d.lines.dropped.Load(),
		LinesLost:     d.lines.lost.Load(),
	}
}

// QueuedCommands counts the commands that wait for all devices. It reads an
// index whole.
func (d *DB) QueuedCommands(ctx context.Context) (n int64, err error) {
	err = d.readers.do(ctx, func(c *conn) error {
		n, err = c.number(`SELECT count(*) FROM outbox`)
		return err
	})
	return n, err
}
