package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// tellEvery is how often a project that is beyond its bound of log bytes hears
// how many lines were dropped.
const tellEvery = time.Minute

// bound is what the writer of lines knows of projects that are beyond their
// bound.
type bound struct {
	over map[string]*excess
}

// excess counts the lines of a project that were dropped since it was told.
type excess struct {
	lines int
	told  time.Time
}

// lineSize is what a line counts for: its text and some of its row.
func lineSize(l *runtime.Line) int { return 64 + len(l.Message) + len(l.Fields) }

// insert writes the lines of an event, and adds their bytes to added. Of a
// project beyond its bound only errors are kept, and once in a while one line
// that counts the others.
func (w *lineWriter) insert(e entry, added map[string]int64) error {
	project := e.rec.Device.Project
	room := w.db.opts.LogProject - w.db.files.used(project) - added[project]
	for i := range e.rec.Lines {
		l := &e.rec.Lines[i]
		size := int64(lineSize(l))
		if room < size && rank(l.Level) < runtime.Error.Rank() {
			if l = w.drop(project, l); l == nil {
				continue
			}
			size = int64(lineSize(l))
		}
		if err := insertLine(w.conn, e.device, e.rec, l, e.ids.first+int64(i)); err != nil {
			return err
		}
		room -= size
		added[project] += size
	}
	return nil
}

// drop counts a line that is not kept. Where it is time to tell, it returns the
// line that takes its place.
func (w *lineWriter) drop(project string, l *runtime.Line) *runtime.Line {
	w.dropped.Add(1)
	x := w.bound.over[project]
	if x == nil {
		if w.bound.over == nil {
			w.bound.over = map[string]*excess{}
		}
		x = &excess{}
		w.bound.over[project] = x
	}
	x.lines++
	now := w.db.opts.Now()
	if now.Sub(x.told) < tellEvery {
		return nil
	}
	limit := w.db.opts.LogProject
	w.db.opts.Logger.Warn("database: log lines dropped, the project is at its bound", "project", project, "lines", x.lines, "bound", limit)
	fields, _ := json.Marshal(map[string]int64{"dropped": int64(x.lines), "limit": limit}) // of numbers
	x.lines, x.told = 0, now
	return &runtime.Line{Time: l.Time, Level: runtime.Warn, Fields: fields,
		Message: fmt.Sprintf("log lines below error are dropped: the project's logs have reached %d bytes", limit)}
}

// used is how many bytes of lines a project has in all files, once they are
// counted.
func (l *logFiles) used(project string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.totals[project]
}

// book adds what was committed to a file.
func (l *logFiles) book(f *logFile, added map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.usage == nil {
		f.usage = map[string]int64{}
	}
	for project, bytes := range added {
		f.usage[project] += bytes
		l.totals[project] += bytes
	}
}

// tally reads what every file holds of every project, once. A file that cannot
// be read counts nothing.
func (l *logFiles) tally() {
	l.mu.Lock()
	counted := l.totals != nil
	l.mu.Unlock()
	if counted {
		return
	}
	counts := map[*logFile]map[string]int64{}
	for _, f := range l.snapshot() {
		usage := map[string]int64{}
		err := l.read(f, func(c *conn) error {
			return c.each(func(r row) error {
				usage[r.text(0)] = r.int(1)
				return nil
			}, `SELECT project, bytes FROM usage`)
		})
		if err != nil {
			l.db.opts.Logger.Warn("database: lines of a log file are not counted", "file", f.path, "error", err)
			continue
		}
		counts[f] = usage
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.totals = map[string]int64{}
	for _, f := range l.list { // what was retired meanwhile is not there
		f.usage = counts[f]
		for project, bytes := range f.usage {
			l.totals[project] += bytes
		}
	}
}
