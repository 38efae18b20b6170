package torture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// refusals are errors that an ask may end with because of its device.
var refusals = []string{"DeviceOfflineError", "BackpressureError"}

const interruptedName = "InterruptedError"

// judge compares what a device was told with what the server has kept.
func (l *ledger) judge(flips []flip) []Finding {
	l.judgeEffects()
	l.judgeOrder()
	l.judgeState()
	l.judgeCommands()
	l.judgeVersions(flips)
	l.judgeLog()
	return l.findings
}

// times is how often an effect has to be there.
type times struct{ least, most int }

var (
	none  = times{0, 0}
	once  = times{1, 1}
	maybe = times{0, 1}
)

// expected is how often each effect of a message has to be there, or what is
// wrong with its acknowledgement.
func (m *told) expected() (want map[byte]times, wrong string) {
	whole, first := map[byte]times{'p': once}, map[byte]times{}
	perhaps := first
	if m.kind.waits() {
		whole, first = map[byte]times{'a': once, 'b': once}, map[byte]times{'a': once}
		perhaps = map[byte]times{'a': maybe}
	}
	switch {
	case m.status == "ok" && m.kind.fails():
		return nil, "acknowledged with ok although it throws"
	case m.status == "ok":
		return whole, ""
	case m.name == plannedName && m.kind.fails():
		return first, ""
	case m.name == interruptedName && m.kind.waits():
		return first, ""
	case m.name == interruptedName:
		return nil, "interrupted although nothing of it was committed before: " + m.text
	case m.overtime():
		return perhaps, ""
	case m.kind == Ask && m.name == "RequestTimeoutError":
		return first, ""
	case m.kind == Ask && slices.Contains(refusals, m.name):
		return perhaps, "" // a request is refused before the commit or after it
	}
	return nil, "acknowledged with " + m.status + " " + m.name + ": " + m.text
}

// overtime says that the message's event used up its CPU time, which on a machine
// that gives much of it to others may happen to the most innocent.
func (m *told) overtime() bool { return m.name == "TimeoutError" && strings.Contains(m.text, "CPU") }

// judgeEffects looks for what is lost, there twice, or there in part.
func (l *ledger) judgeEffects() {
	got := make(map[int]map[byte]int)
	for _, e := range l.effects {
		if got[e.n] == nil {
			got[e.n] = make(map[byte]int)
		}
		got[e.n][e.tag]++
		if l.messages[e.n] == nil {
			l.find(Torn, e.n, "effect "+e.word+" of a message that was never said")
		}
	}
	for _, n := range l.numbers() {
		m := l.messages[n]
		for tag, has := range got[n] {
			switch {
			case has > 1 && m.times > 1:
				l.find(Repeated, n, fmt.Sprintf("it was said %d times and effect %c is there %d times", m.times, tag, has))
			case has > 1:
				l.find(Doubled, n, fmt.Sprintf("it was said once and effect %c is there %d times", tag, has))
			}
		}
		if m.status == "" {
			continue // the end of the run names it
		}
		want, wrong := m.expected()
		if wrong != "" {
			l.find(Misanswered, n, fmt.Sprintf("a %s was %s", m.kind, wrong))
			continue
		}
		for _, tag := range []byte("pab") {
			switch has := got[n][tag]; {
			case has < want[tag].least:
				l.find(Lost, n, fmt.Sprintf("a %s was acknowledged with %s %s and effect %c is missing", m.kind, m.status, m.name, tag))
			case has > 0 && want[tag] == none:
				l.find(Torn, n, fmt.Sprintf("a %s was acknowledged with %s %s and effect %c is there", m.kind, m.status, m.name, tag))
			}
		}
	}
}

// judgeOrder looks for effects that are not in the order in which the messages
// were said first. A message that was once answered with retry has no place.
func (l *ledger) judgeOrder() {
	last, seen := 0, make(map[string]bool)
	for i, e := range l.effects {
		key := strconv.Itoa(e.n) + string(e.tag)
		if seen[key] {
			continue // found already
		}
		seen[key] = true
		if e.tag == 'b' && (i == 0 || l.effects[i-1].n != e.n || l.effects[i-1].tag != 'a') {
			l.find(Reordered, e.n, "another event ran between its two effects")
		}
		if m := l.messages[e.n]; m == nil || m.retried {
			continue
		}
		if e.n < last {
			l.find(Reordered, e.n, fmt.Sprintf("it took effect after m-%d", last))
		}
		last = max(last, e.n)
	}
}

// judgeState looks for segments that took effect in part.
func (l *ledger) judgeState() {
	sum := int64(0)
	for _, e := range l.effects {
		sum += int64(e.n)
	}
	if l.state.Count != len(l.effects) || l.state.Sum != sum {
		l.find(Torn, 0, fmt.Sprintf("%d effects of messages that add up to %d, but the state says %d and %d",
			len(l.effects), sum, l.state.Count, l.state.Sum))
	}
}

// judgeCommands looks for commands that are early, out of order or missing.
func (l *ledger) judgeCommands() {
	there := make(map[string]bool, len(l.effects))
	for _, e := range l.effects {
		there[e.word] = true
	}
	for _, c := range slices.Concat(l.commands, l.asked) {
		if !there[c.Effect] {
			l.find(Early, c.Message, "command "+c.ID+" tells of the write "+c.Effect+", which never became durable")
		}
	}
	last, heard := 0, make(map[int]bool)
	for _, c := range l.commands {
		if c.Seq < last {
			l.find(Reordered, c.Message, fmt.Sprintf("command %d came after command %d", c.Seq, last))
		}
		last = max(last, c.Seq)
		heard[c.Seq] = true
	}
	if l.left == 0 {
		return // it has not come to an end
	}
	for seq := 1; seq <= l.state.Sent; seq++ {
		if !heard[seq] {
			l.find(Missing, 0, fmt.Sprintf("command %d of %d never came", seq, l.state.Sent))
		}
	}
}

// judgeLog looks for errors that are not in the log exactly once.
func (l *ledger) judgeLog() {
	for id, names := range l.errors {
		n := 0
		if _, err := fmt.Sscanf(id, "m-%d", &n); err != nil {
			l.find(Misanswered, 0, fmt.Sprintf("event %s failed with %v", id, names))
			continue
		}
		if m := l.messages[n]; m == nil || m.status == "ok" {
			l.find(Misanswered, n, fmt.Sprintf("the log says %v, its acknowledgement does not", names))
		} else if len(names) > 1 && m.status != "" {
			l.find(Doubled, n, fmt.Sprintf("the log holds its error %d times: %v", len(names), names))
		}
	}
	for _, n := range l.numbers() {
		if m := l.messages[n]; m.status == "error" && len(l.errors["m-"+strconv.Itoa(n)]) == 0 {
			l.find(Lost, n, "it was acknowledged with "+m.name+" and the log has no error")
		}
	}
}
