package storetest

import (
	"testing"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

func outboxRows(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	c := dispatch.Change{Outbox: []dispatch.OutboxChange{add("1"), add("2"), add("3")}}
	c.Outbox[1].Key, c.Outbox[1].Durable = "key", true
	o.commit(c)
	var want []dispatch.Stored
	for i, change := range c.Outbox {
		if change.Row == 0 || (i > 0 && change.Row <= c.Outbox[i-1].Row) {
			t.Fatalf("rows are not set in ascending order: %+v", c.Outbox)
		}
		want = append(want, change.Stored)
	}
	same(t, want, o.load().Outbox)
}

func outboxVerbs(t *testing.T, s *Subject) {
	o, other := own(t, s, "d"), own(t, s, "other")
	c := dispatch.Change{Outbox: []dispatch.OutboxChange{add("1"), add("2"), add("3"), add("4"), add("5")}}
	o.commit(c)
	at := func(i int) int64 { return c.Outbox[i].Row }

	remove := func(verb dispatch.OutboxVerb, row int64) dispatch.OutboxChange {
		return dispatch.OutboxChange{Verb: verb, Stored: dispatch.Stored{Row: row}}
	}
	replacement := dispatch.OutboxChange{Verb: dispatch.Replace, Old: at(3), Stored: dispatch.Stored{Body: []byte("4b")}}
	second := dispatch.Change{Outbox: []dispatch.OutboxChange{
		remove(dispatch.Acknowledge, at(0)), remove(dispatch.Expire, at(1)), remove(dispatch.Purge, at(2)), replacement}}
	o.commit(second)
	if second.Outbox[3].Row <= at(4) {
		t.Fatalf("the replacing row %d is not a new one", second.Outbox[3].Row)
	}
	other.commit(dispatch.Change{Outbox: []dispatch.OutboxChange{remove(dispatch.Acknowledge, at(4))}})

	var bodies []string
	for _, stored := range o.load().Outbox {
		bodies = append(bodies, string(stored.Body))
	}
	same(t, []string{"5", "4b"}, bodies)
}

func rowsNeverReused(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	var last int64
	for round := range 4 {
		c := dispatch.Change{Outbox: []dispatch.OutboxChange{add("1")}}
		o.commit(c)
		row := c.Outbox[0].Row
		if row <= last {
			t.Fatalf("row %d came after %d", row, last)
		}
		last = row
		o.commit(dispatch.Change{Outbox: []dispatch.OutboxChange{{Verb: dispatch.Acknowledge, Stored: dispatch.Stored{Row: row}}}})
		if round == 1 {
			o.store = s.Reopen(t)
			o.load()
		}
	}
}
