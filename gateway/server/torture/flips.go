package torture

import "fmt"

// flip is a deployment that was answered.
type flip struct {
	at      int64 // stamp of the answer
	ended   int64 // epoch milliseconds of the answer
	until   int64 // epoch milliseconds when the next one was asked for, 0 is never
	version int
}

// addFlip takes a line of the history in. What is live is known between an
// answer and the next question.
func addFlip(flips []flip, e *Entry) []flip {
	if e.Status == "answered" {
		return append(flips, flip{at: e.At, ended: e.Ended, version: e.Version})
	}
	if n := len(flips); n > 0 && flips[n-1].until == 0 {
		flips[n-1].until = e.Begun
	}
	return flips
}

// judgeVersions looks for events that began on another version than the one
// that was live for sure.
func (l *ledger) judgeVersions(flips []flip) {
	began := make(map[int]int) // message → version of its first command
	for _, list := range [][]Entry{l.commands, l.asked} {
		for _, c := range list {
			l.judgeVersion(c, flips)
			if v, known := began[c.Message]; known && v != c.Version {
				l.find(Stale, c.Message, fmt.Sprintf("it ran on version %d and on version %d", v, c.Version))
			}
			began[c.Message] = c.Version
		}
	}
}

func (l *ledger) judgeVersion(c Entry, flips []flip) {
	for i := len(flips) - 1; i >= 0; i-- {
		f := flips[i]
		if c.Begun <= f.ended { // in the same millisecond it may have been before
			continue
		}
		if f.until != 0 && c.Begun >= f.until || c.Version == f.version {
			return
		}
		if m := l.messages[c.Message]; m != nil && m.first > f.at {
			l.find(Stale, c.Message, fmt.Sprintf("it was said after the flip to version %d was answered and ran on version %d", f.version, c.Version))
		} else {
			l.find(Unrevoked, c.Message, fmt.Sprintf("it began %d ms after the flip to version %d was answered and ran on version %d",
				c.Begun-f.ended, f.version, c.Version))
		}
		return
	}
}
