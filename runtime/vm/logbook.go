package vm

import (
	"fmt"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// logbook holds the lines of an event that were not handed over yet, and counts
// all of them against the event's limits.
type logbook struct {
	lines   []runtime.Line
	count   int // of the event
	bytes   int // of the event
	dropped int
}

// full says that no line fits any more, and counts the one that was meant.
func (l *logbook) full(r *Run) bool {
	if l.count < r.limits.LogLines && l.bytes < r.limits.LogBytes {
		return false
	}
	l.dropped++
	return true
}

// add keeps a line while the event's limits last. The line that passes the
// limit of bytes is cut; those after it are dropped and counted.
func (l *logbook) add(r *Run, line runtime.Line) {
	if l.full(r) {
		return
	}
	left := r.limits.LogBytes - l.bytes
	if len(line.Message) > left {
		line.Message = clip(line.Message, left)
	}
	if len(line.Fields) > left-len(line.Message) {
		line.Fields = nil
		l.bytes = r.limits.LogBytes - len(line.Message)
	}
	l.count++
	l.bytes += len(line.Message) + len(line.Fields)
	l.lines = append(l.lines, line)
}

// close adds the one line that says how many were dropped.
func (l *logbook) close() {
	if l.dropped == 0 {
		return
	}
	l.lines = append(l.lines, runtime.Line{
		Time: time.Now().UnixMilli(), Level: runtime.Warn,
		Message: fmt.Sprintf("%d log lines were dropped: the event's limit is reached", l.dropped),
	})
	l.dropped = 0
}

func (l *logbook) take() []runtime.Line {
	lines := l.lines
	l.lines = nil
	return lines
}
