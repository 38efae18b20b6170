package torture

import (
	"strings"
	"testing"
)

// account builds a ledger by hand: what the history says, and what was kept.
type account struct {
	entries []Entry
	blocks  string
	state   state
	errors  map[string][]string
	flips   []flip
}

func (a account) verdict() []Finding {
	l := newLedger("d-0")
	for i := range a.entries {
		a.entries[i].At = int64(i + 1)
		l.enter(&a.entries[i])
	}
	l.keep(a.blocks)
	l.state = a.state
	if a.errors != nil {
		l.errors = a.errors
	}
	return l.judge(a.flips)
}

func said(n int, k Kind) Entry         { return Entry{What: Said, Message: n, Kind: k, Link: 1} }
func acked(n int, status string) Entry { return Entry{What: Answered, Message: n, Status: status} }
func left() Entry                      { return Entry{What: Left, Link: 1} }

func failed(n int, name string) Entry {
	return Entry{What: Answered, Message: n, Status: "error", Name: name}
}

func command(id string, n, seq int, effect string) Entry {
	return Entry{What: Heard, ID: id, Message: n, Seq: seq, Effect: effect, Link: 1, Version: 1, Begun: 10}
}

// good is a faultless account of two messages.
func good() account {
	return account{
		entries: []Entry{
			said(1, Plain), said(2, Hold),
			command("c-1", 1, 1, "1p.x"), acked(1, "ok"),
			command("c-2", 2, 2, "2a.x"), command("c-3", 2, 3, "2b.x"), acked(2, "ok"), left(),
		},
		blocks: "1p.x 2a.x 2b.x ",
		state:  state{Count: 3, Sum: 5, Sent: 3},
	}
}

func TestJudgeFindsNothingWhereNothingIs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*account){
		"as it is": func(*account) {},
		"a repeat gets its acknowledgement again": func(a *account) {
			a.entries = append(a.entries, said(1, Plain), acked(1, "ok"))
		},
		"a command that comes again": func(a *account) {
			a.entries = append(a.entries[:3:3], append([]Entry{a.entries[2]}, a.entries[3:]...)...)
		},
		"an interrupted hold": func(a *account) {
			a.entries = []Entry{said(1, Plain), acked(1, "ok"), said(2, Hold), failed(2, interruptedName)}
			a.blocks, a.state = "1p.x 2a.x ", state{Count: 2, Sum: 3}
			a.errors = map[string][]string{"m-2": {interruptedName}}
		},
		"a message answered with retry has no place": func(a *account) {
			a.entries = []Entry{said(1, Mute), acked(1, "retry"), said(2, Mute), acked(2, "ok"), said(1, Mute), acked(1, "ok")}
			a.blocks, a.state = "2p.x 1p.x ", state{Count: 2, Sum: 3}
		},
		"the older version while a flip is asked for": func(a *account) {
			a.flips = []flip{{ended: 1, until: 9, version: 2}, {ended: 11, version: 2}}
		},
	} {
		a := good()
		change(&a)
		if found := a.verdict(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestJudgeNamesEveryFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*account)
		want   Kindness
	}{
		"effect missing": {func(a *account) {
			a.blocks, a.state = "2a.x 2b.x ", state{Count: 2, Sum: 4, Sent: 3}
		}, Lost},
		"error not in the log": {func(a *account) {
			a.entries = []Entry{said(1, Throw), failed(1, plannedName)}
			a.blocks, a.state = "", state{}
		}, Lost},
		"said once, there twice": {func(a *account) {
			a.blocks, a.state = "1p.x 1p.y 2a.x 2b.x ", state{Count: 4, Sum: 6, Sent: 3}
		}, Doubled},
		"one command, two ids": {func(a *account) { a.entries = append(a.entries, command("c-9", 2, 3, "2b.x")) }, Doubled},
		"two commands, one id": {func(a *account) { a.entries[5].ID = "c-2" }, Doubled},
		"error twice in the log": {func(a *account) {
			a.entries = []Entry{said(1, Throw), failed(1, plannedName)}
			a.blocks, a.state = "", state{}
			a.errors = map[string][]string{"m-1": {plannedName, plannedName}}
		}, Doubled},
		"said again, there again": {func(a *account) {
			a.entries = append(a.entries, said(1, Plain))
			a.blocks, a.state = "1p.x 2a.x 2b.x 1p.y ", state{Count: 4, Sum: 6, Sent: 3}
		}, Repeated},
		"effects in another order":     {func(a *account) { a.blocks = "2a.x 2b.x 1p.x " }, Reordered},
		"an event between two effects": {func(a *account) { a.blocks = "2a.x 1p.x 2b.x " }, Reordered},
		"commands in another order": {func(a *account) {
			a.entries[4], a.entries[5] = a.entries[5], a.entries[4]
		}, Reordered},
		"command of a write that is not there": {func(a *account) { a.entries[2].Effect = "1p.y" }, Early},
		"request of a write that is not there": {func(a *account) {
			a.entries = append(a.entries, Entry{What: Asked, ID: "r-1", Message: 2, Effect: "2a.y", Version: 1})
		}, Early},
		"looked up at once and missing": {func(a *account) {
			a.entries = append(a.entries, Entry{What: Peeked, Message: 1, Status: "missing"})
		}, Early},
		"command that never came": {func(a *account) { a.state.Sent = 4 }, Missing},
		"command after its acknowledgement": {func(a *account) {
			again := command("c-1", 1, 1, "1p.x")
			again.Link = 2
			a.entries = append(a.entries, again)
		}, Lingering},
		"effect of an error": {func(a *account) {
			a.entries[3] = failed(1, plannedName)
			a.entries[0].Kind = Throw
			a.errors = map[string][]string{"m-1": {plannedName}}
		}, Torn},
		"state and effects differ": {func(a *account) { a.state.Sum = 6 }, Torn},
		"effect of nobody":         {func(a *account) { a.blocks += "3p.x "; a.state = state{4, 8, 3} }, Torn},
		"interrupted without a wait": {func(a *account) {
			a.entries[3] = failed(1, interruptedName)
			a.errors = map[string][]string{"m-1": {interruptedName}}
		}, Misanswered},
		"two acknowledgements that differ": {func(a *account) { a.entries = append(a.entries, failed(1, "TypeError")) }, Misanswered},
		"log says error, acknowledgement ok": {func(a *account) {
			a.errors = map[string][]string{"m-1": {"TypeError"}}
		}, Misanswered},
		"event of the server failed": {func(a *account) {
			a.errors = map[string][]string{"connect-1": {"TypeError"}}
		}, Misanswered},
		"frame refused": {func(a *account) { a.entries = append(a.entries, Entry{What: Refused, Text: "$error"}) }, Misanswered},
		"said after the flip": {func(a *account) {
			a.flips = []flip{{version: 1}, {at: 0, ended: 5, version: 2}}
		}, Stale},
		"one event on two versions": {func(a *account) { a.entries[5].Version = 2 }, Stale},
		"begun after the flip": {func(a *account) {
			a.flips = []flip{{version: 1}, {at: 5, ended: 5, version: 2}}
		}, Unrevoked},
	} {
		a := good()
		c.change(&a)
		found := a.verdict()
		named := false
		for _, f := range found {
			named = named || f.Kind == c.want
		}
		if !named {
			t.Errorf("%s: %v, want %s", name, found, c.want)
		}
	}
}

func TestReportSaysWhatWasFound(t *testing.T) {
	t.Parallel()
	r := &Report{Counts: map[Kindness]int{Early: 2, Torn: 1}, Findings: []Finding{{Kind: Early, Device: "d-3", Message: 7, Text: "too soon"}}}
	if r.Good() {
		t.Error("it is good")
	}
	for _, want := range []string{"2 early", "1 torn", "0 lost", "early d-3 m-7: too soon"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in:\n%v", want, r)
		}
	}
}
