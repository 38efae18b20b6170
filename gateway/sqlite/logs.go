package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// Logs implements logs.Store. A device that does not exist has no rows.
func (d *DB) Logs(ctx context.Context, q logs.Query) (logs.Page, error) {
	s := search{db: d, level: max(q.Level.Rank(), 0), since: q.Since, limit: min(max(q.Limit, 1), logs.MaxLimit)}
	s.newest = q.Cursor == "" && q.Since == 0
	if q.Cursor != "" {
		var err error
		if s.after, err = d.parseCursor(q.Cursor); err != nil {
			return logs.Page{}, err
		}
	}
	s.upto = d.sequence.watermark()
	device, err := d.rowOf(ctx, q.Device)
	if errors.Is(err, dispatch.ErrNoDevice) {
		return logs.Page{Cursor: d.cursor(max(s.upto, s.after))}, nil
	}
	if err != nil {
		return logs.Page{}, fmt.Errorf("logs of %s: %w", q.Device, err)
	}
	s.device, s.name = device, q.Device.ID
	if err := s.run(ctx); err != nil {
		return logs.Page{}, fmt.Errorf("logs of %s: %w", q.Device, err)
	}
	return s.page(), nil
}

// Changed implements logs.Store.
func (d *DB) Changed() <-chan struct{} { return d.sequence.watch() }

// search is one query over the main file and the log files. It keeps the best
// rows found so far, nearest to where the search starts first.
type search struct {
	db     *DB
	device int64
	name   string
	level  int
	since  int64
	after  int64 // rows with greater ids
	upto   int64 // the watermark
	newest bool  // backwards from the watermark
	limit  int

	rows []logs.Row
}

func (s *search) run(ctx context.Context) error {
	if err := s.db.readers.do(ctx, s.outcomes); err != nil {
		return err
	}
	files := s.db.files.snapshot()
	if s.newest {
		slices.Reverse(files)
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.settle()
		if s.skips(f) {
			continue
		}
		if err := s.db.files.read(f, s.lines); err != nil {
			return err
		}
	}
	s.settle()
	return nil
}

// settle sorts what was found and drops what is beyond the page.
func (s *search) settle() {
	slices.SortFunc(s.rows, func(a, b logs.Row) int {
		if s.newest {
			a, b = b, a
		}
		return cmp.Compare(a.ID, b.ID)
	})
	s.rows = s.rows[:min(len(s.rows), s.limit)]
}

// skips says that a file has nothing that the page could want.
func (s *search) skips(f *logFile) bool {
	last, lastTime, cut := s.db.files.bounds(f)
	if cut && (last <= s.after || lastTime < s.since) {
		return true
	}
	if len(s.rows) < s.limit {
		return f.after >= s.upto
	}
	farthest := s.rows[s.limit-1].ID
	if s.newest {
		return cut && last < farthest
	}
	return f.after >= farthest
}

func (s *search) order() string {
	if s.newest {
		return "DESC"
	}
	return "ASC"
}

// outcomes reads error rows: they are of the highest level.
func (s *search) outcomes(c *conn) error {
	return c.each(func(r row) error {
		x := s.row(r, runtime.Error)
		if err := json.Unmarshal(r.blob(6), &x.Error); err != nil {
			return err
		}
		x.Message = x.Error.Name + ": " + x.Error.Message
		s.rows = append(s.rows, x)
		return nil
	}, `SELECT id, time, script, version, event_id, kind, error FROM outcomes
		WHERE device = ? AND error IS NOT NULL AND id > ? AND id <= ? AND time >= ? ORDER BY id `+s.order()+` LIMIT ?`,
		s.device, s.after, s.upto, s.since, s.limit)
}

var levels = [...]runtime.Level{runtime.Debug, runtime.Info, runtime.Warn, runtime.Error}

func (s *search) lines(c *conn) error {
	loud := "" // spelled so that the small index of loud lines serves
	if s.level >= runtime.Warn.Rank() {
		loud = "level >= 2 AND "
	}
	return c.each(func(r row) error {
		x := s.row(r, levels[r.int(8)])
		x.Message = r.text(6)
		if fields := r.blob(7); fields != nil {
			x.Fields = fields
		}
		s.rows = append(s.rows, x)
		return nil
	}, `SELECT id, time, script, version, event_id, kind, message, fields, level FROM lines
		WHERE `+loud+`device = ? AND id > ? AND id <= ? AND time >= ? AND level >= ? ORDER BY id `+s.order()+` LIMIT ?`,
		s.device, s.after, s.upto, s.since, s.level, s.limit)
}

// row reads the columns that all rows share.
func (s *search) row(r row, level runtime.Level) logs.Row {
	return logs.Row{ID: r.int(0), Time: r.int(1), Level: level, Fields: json.RawMessage("{}"), Device: s.name,
		Script: r.text(2), Version: int(r.int(3)),
		Event: logs.Event{ID: r.text(4), Kind: runtime.EventKind(r.text(5))}}
}

// page turns the rows oldest first. A page that is not full has seen everything
// up to the watermark, and so has the newest one.
func (s *search) page() logs.Page {
	end := max(s.upto, s.after)
	if s.newest {
		slices.Reverse(s.rows)
	} else if len(s.rows) == s.limit {
		end = s.rows[s.limit-1].ID
	}
	return logs.Page{Rows: s.rows, Cursor: s.db.cursor(end)}
}
