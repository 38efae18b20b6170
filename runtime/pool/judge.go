package pool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
)

// claim is what a worker has said that an event did so far, held against the
// event's limits. A worker keeps the limits itself; one that claims more is not
// to be trusted.
type claim struct {
	limits        runtime.Limits
	writes, sends int
	lines, logged int // log lines and their bytes
	last          uint64
	waiting       []uint64      // operations outstanding
	took          time.Duration // wall time of the segment's turns
}

// The runtime adds lines of its own to an event's: what was dropped, what was
// not begun. A clipped text carries its mark. The most time of an operation is
// what browsers' timers have.
const (
	ownLines  = 4
	ownBytes  = 4 << 10
	mostReads = 1000 // beyond one for each write
	mostList  = 1000
	mostWait  = math.MaxInt32 * time.Millisecond
	clockSkew = 20 * time.Millisecond
	errorSize = 256 << 10
)

func lie(format string, args ...any) error {
	return fmt.Errorf("%w: %s", worker.ErrFrame, fmt.Sprintf(format, args...))
}

func (c *claim) reads(reads []runtime.Read) error {
	if len(reads) == 0 || len(reads) > c.limits.KVWrites+mostReads {
		return lie("%d reads", len(reads))
	}
	for i, r := range reads {
		switch {
		case i > 0 && r.ID <= reads[i-1].ID:
			return lie("read %d after %d", r.ID, reads[i-1].ID)
		case len(r.Key) > c.limits.KVKey || len(r.After) > c.limits.KVKey:
			return lie("read of a key of %d bytes", len(r.Key))
		case r.List && (r.Limit < 1 || r.Limit > mostList):
			return lie("list of %d keys", r.Limit)
		}
	}
	return nil
}

// segment judges a segment and books it. Texts of log lines are made valid
// UTF-8; everything else has to be right.
func (c *claim) segment(s *runtime.Segment) error {
	if s.CPU < 0 || s.CPU > c.took+clockSkew {
		return lie("%v of CPU time in %v", s.CPU, c.took)
	}
	if err := c.outcome(s); err != nil {
		return err
	}
	if err := c.kv(s.KV); err != nil {
		return err
	}
	if c.sends += len(s.Commands); c.sends > c.limits.Sends {
		return lie("%d commands", c.sends)
	}
	for i := range s.Commands {
		if err := c.command(&s.Commands[i]); err != nil {
			return err
		}
	}
	if err := c.operations(s); err != nil {
		return err
	}
	return c.log(s.Lines)
}

// outcome judges how an event ended, and that one that failed did nothing.
func (c *claim) outcome(s *runtime.Segment) error {
	o := s.Outcome
	switch {
	case o == nil:
		return nil
	case len(s.Begin) > 0:
		return lie("an event that ended begins operations")
	case o.Error != nil && len(s.KV)+len(s.Commands) > 0:
		return lie("an event that failed has effects")
	case o.Error != nil && sizeOf(o.Error) > errorSize:
		return lie("an error of %d bytes", sizeOf(o.Error))
	case o.Value != nil && !text(o.Value, c.limits.Command):
		return lie("bad return value")
	}
	return nil
}

func sizeOf(e *runtime.ScriptError) (n int) {
	for ; e != nil; e = e.Cause {
		n += len(e.Name) + len(e.Message) + len(e.File) + len(e.Stack) + len(e.Limit)
	}
	return n
}

func (c *claim) kv(writes []runtime.KVWrite) error {
	if c.writes += len(writes); c.writes > c.limits.KVWrites {
		return lie("%d writes", c.writes)
	}
	for i := range writes {
		w := &writes[i]
		switch {
		case w.Key == "" || !c.key(w.Key):
			return lie("bad key")
		case w.Delete != (w.Value == nil) || !w.Delete && !text(w.Value, c.limits.KVValue):
			return lie("bad value")
		case w.TTL < 0:
			return lie("TTL %v", w.TTL)
		}
	}
	return nil
}

func (c *claim) key(key string) bool {
	return len(key) <= c.limits.KVKey && utf8.ValidString(key) && strings.IndexByte(key, 0) < 0
}

// text says whether bytes are JSON of at most that size.
func text(b []byte, most int) bool {
	return len(b) <= most && utf8.Valid(b) && json.Valid(b)
}

func (c *claim) command(cmd *runtime.Command) error {
	switch {
	case !text(cmd.Body, c.limits.Command) || cmd.Body[0] != '{':
		return lie("bad command")
	case !c.key(cmd.Key) || cmd.TTL < 0:
		return lie("bad options of a command")
	case reserved(cmd.Body):
		return lie("a command with a part of the envelope")
	}
	return nil
}

// reserved says whether a command, an object of valid JSON, has a field or a
// type that belongs to the envelope: its name begins with $.
func reserved(body []byte) bool {
	if !bytes.Contains(body, []byte(`"$`)) && !bytes.Contains(body, []byte(`\u`)) {
		return false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return true
	}
	var kind string
	_ = json.Unmarshal(fields["type"], &kind) // what is no string is no name
	_, id := fields["$id"]
	_, re := fields["$re"]
	return id || re || strings.HasPrefix(kind, "$")
}

// operations judges what is begun, cancelled and outstanding.
func (c *claim) operations(s *runtime.Segment) error {
	for i := range s.Begin {
		op := &s.Begin[i]
		if op.ID <= c.last {
			return lie("operation %d after %d", op.ID, c.last)
		}
		c.last = op.ID
		if op.Wait < 0 || op.Wait > mostWait {
			return lie("operation of %v", op.Wait)
		}
		switch op.Kind {
		case runtime.Timer:
		case runtime.Request:
			if c.sends++; c.sends > c.limits.Sends {
				return lie("%d commands", c.sends)
			}
			if err := c.command(&op.Command); err != nil {
				return err
			}
		default:
			return lie("operation %q", op.Kind)
		}
		c.waiting = append(c.waiting, op.ID)
	}
	for _, id := range s.Cancel {
		if !c.ended(id) {
			return lie("cancels operation %d", id)
		}
	}
	switch n := len(c.waiting); {
	case s.Outcome != nil:
	case n == 0:
		return lie("waits for nothing")
	case n != s.Waiting:
		return lie("waits for %d, not %d", n, s.Waiting)
	case n > c.limits.Operations:
		return lie("%d operations", n)
	}
	return nil
}

// ended takes an operation off those outstanding.
func (c *claim) ended(id uint64) bool {
	i := slices.Index(c.waiting, id)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	return i >= 0
}

// resume books the result that a host gives back.
func (c *claim) resume(r *runtime.Resume) {
	c.ended(r.Result.ID)
	c.took = 0
}

func (c *claim) log(lines []runtime.Line) error {
	c.lines += len(lines)
	for i := range lines {
		l := &lines[i]
		c.logged += len(l.Message) + len(l.Fields)
		if l.Level.Rank() < 0 {
			return lie("level %q", l.Level)
		}
		if l.Fields != nil && (!text(l.Fields, c.limits.LogBytes) || l.Fields[0] != '{') {
			return lie("bad fields")
		}
		if !utf8.ValidString(l.Message) {
			l.Message = strings.ToValidUTF8(l.Message, "\uFFFD")
		}
	}
	if c.lines > c.limits.LogLines+ownLines || c.logged > c.limits.LogBytes+ownBytes {
		return lie("%d log lines of %d bytes", c.lines, c.logged)
	}
	return nil
}

// restart forgets what a lost run claimed.
func (c *claim) restart() { *c = claim{limits: c.limits} }
