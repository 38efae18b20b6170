package gateway

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what waits for one device. Whoever adds looks first.
const (
	OutboxRows  = 100
	OutboxBytes = 256 << 10
)

// Waiting is a stored command that its device has not taken yet. Expires is
// epoch milliseconds.
type Waiting struct {
	Row     int64
	Body    []byte
	Key     string
	Expires int64
	Durable bool
}

// Outbox holds a device's waiting commands in the order of their rows, each
// either unsent or on its way over the live session. It is a list and no more:
// its owner guards it, stores its rows and does the sending. The zero Outbox is
// empty and ready.
type Outbox struct {
	waiting []outgoing
	bytes   int
	sent    int
}

// outgoing is a command with the time it was sent, zero while it was not.
type outgoing struct {
	Waiting
	at time.Time
}

// Add puts a stored command in its place, unsent.
func (o *Outbox) Add(w Waiting) {
	i, _ := o.search(w.Row)
	o.waiting = slices.Insert(o.waiting, i, outgoing{Waiting: w})
	o.bytes += len(w.Body)
}

// Remove takes a command off; an unknown row changes nothing.
func (o *Outbox) Remove(row int64) {
	i, known := o.search(row)
	if !known {
		return
	}
	if !o.waiting[i].at.IsZero() {
		o.sent--
	}
	o.bytes -= len(o.waiting[i].Body)
	if o.waiting = slices.Delete(o.waiting, i, i+1); len(o.waiting) == 0 {
		o.waiting = nil
	}
}

// Next marks the oldest unsent commands as sent at now and returns them, so many
// that at most window are under way.
func (o *Outbox) Next(window int, now time.Time) []Waiting {
	room := min(window, len(o.waiting)) - o.sent
	if room <= 0 {
		return nil
	}
	next := make([]Waiting, 0, room)
	for i := range o.waiting {
		if w := &o.waiting[i]; w.at.IsZero() {
			w.at = now
			next = append(next, w.Waiting)
			if len(next) == room {
				break
			}
		}
	}
	o.sent += len(next)
	return next
}

// Unsend takes back that a command was sent: the session had no room.
func (o *Outbox) Unsend(row int64) {
	if i, known := o.search(row); known && !o.waiting[i].at.IsZero() {
		o.waiting[i].at = time.Time{}
		o.sent--
	}
}

// Reset makes every command unsent: the session that they were sent over is
// gone.
func (o *Outbox) Reset() {
	for i := range o.waiting {
		o.waiting[i].at = time.Time{}
	}
	o.sent = 0
}

// Find returns the row of the command with this $id, "c-" and its row. It knows
// only commands that are under way: a device cannot acknowledge what it was not
// sent.
func (o *Outbox) Find(id string) (row int64, known bool) {
	digits, ok := strings.CutPrefix(id, "c-")
	if !ok {
		return 0, false
	}
	row, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || strconv.FormatInt(row, 10) != digits {
		return 0, false
	}
	i, known := o.search(row)
	if !known || o.waiting[i].at.IsZero() {
		return 0, false
	}
	return row, true
}

// Keyed returns the row of the newest command with this key.
func (o *Outbox) Keyed(key string) (row int64, known bool) {
	for _, w := range slices.Backward(o.waiting) {
		if w.Key == key {
			return w.Row, true
		}
	}
	return 0, false
}

// Expired returns the rows whose time is over at now, in epoch milliseconds.
// What is under way does not expire.
func (o *Outbox) Expired(now int64) []int64 {
	var rows []int64
	for i := range o.waiting {
		if w := &o.waiting[i]; w.at.IsZero() && w.Expires <= now {
			rows = append(rows, w.Row)
		}
	}
	return rows
}

// Oldest returns when the command that is longest under way was sent, or zero.
func (o *Outbox) Oldest() time.Time {
	var oldest time.Time
	for i := range o.waiting {
		if at := o.waiting[i].at; !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}

// Rows counts all commands.
func (o *Outbox) Rows() int { return len(o.waiting) }

// Bytes is the length of all bodies.
func (o *Outbox) Bytes() int { return o.bytes }

// Sent counts the commands that are under way.
func (o *Outbox) Sent() int { return o.sent }

// Empty reports whether nothing waits.
func (o *Outbox) Empty() bool { return len(o.waiting) == 0 }

func (o *Outbox) search(row int64) (int, bool) {
	return slices.BinarySearchFunc(o.waiting, row, func(w outgoing, row int64) int {
		switch {
		case w.Row < row:
			return -1
		case w.Row > row:
			return 1
		}
		return 0
	})
}
