package torture

import (
	"slices"
	"strconv"
	"strings"
)

// ledger is what is known of one device: what the history says, and what the
// server has kept.
type ledger struct {
	device   string
	messages map[int]*told
	commands []Entry // in the order they were heard first
	byID     map[string]Entry
	heard    map[string]string // effect and number of a command → its $id
	asked    []Entry
	findings []Finding // that a line of the history is by itself
	left     int       // the link that was left to see what comes again, 0 is none

	effects []effect // in the order they took place
	state   state
	errors  map[string][]string // of the log: event id → names of errors
}

// told is a message as the history knows it.
type told struct {
	n       int
	kind    Kind
	times   int   // it was said
	first   int64 // when it was said first
	status  string
	name    string
	text    string
	retried bool
}

// effect is a word of the device's history in KV.
type effect struct {
	word string
	n    int
	tag  byte
}

func newLedger(device string) *ledger {
	return &ledger{
		device: device, messages: make(map[int]*told), byID: make(map[string]Entry),
		heard: make(map[string]string), errors: make(map[string][]string),
	}
}

func (l *ledger) find(k Kindness, n int, text string) {
	l.findings = append(l.findings, Finding{Kind: k, Device: l.device, Message: n, Text: text})
}

// enter takes a line of the history in.
func (l *ledger) enter(e *Entry) {
	switch e.What {
	case Said:
		m := l.messages[e.Message]
		if m == nil {
			m = &told{n: e.Message, kind: e.Kind, first: e.At}
			l.messages[e.Message] = m
		}
		m.times++
	case Answered:
		l.answer(e)
	case Heard:
		l.hear(e)
	case Asked:
		l.asked = append(l.asked, *e)
	case Peeked:
		if e.Status == "missing" {
			l.find(Early, e.Message, "command "+e.ID+" was here before its write "+e.Effect)
		}
	case Refused:
		l.find(Misanswered, e.Message, "the device was told "+e.Text)
	case Left:
		l.left = e.Link
	}
}

func (l *ledger) answer(e *Entry) {
	m := l.messages[e.Message]
	switch {
	case m == nil:
		l.find(Misanswered, e.Message, "acknowledged and never said")
	case e.Status == "retry":
		m.retried = true
	case m.status == "":
		m.status, m.name, m.text = e.Status, e.Name, e.Text
	case m.status != e.Status || m.name != e.Name || m.text != e.Text:
		l.find(Misanswered, e.Message, "acknowledged with "+m.status+" "+m.name+" and then with "+e.Status+" "+e.Name)
	}
}

func (l *ledger) hear(e *Entry) {
	if l.left > 0 && e.Link > l.left {
		l.find(Lingering, e.Message, "command "+e.ID+" came again after its acknowledgement was taken")
	}
	if known, again := l.byID[e.ID]; again {
		if known.Effect != e.Effect || known.Seq != e.Seq {
			l.find(Doubled, e.Message, "command "+e.ID+" is two commands")
		}
		return
	}
	l.byID[e.ID] = *e
	what := e.Effect + " " + strconv.Itoa(e.Seq)
	if id, again := l.heard[what]; again {
		l.find(Doubled, e.Message, "one command came as "+id+" and as "+e.ID)
		return
	}
	l.heard[what] = e.ID
	l.commands = append(l.commands, *e)
}

// keep takes a block of effects in; blocks come in order.
func (l *ledger) keep(block string) {
	for _, word := range strings.Fields(block) {
		head, _, found := strings.Cut(word, ".")
		if !found || len(head) < 2 {
			l.find(Torn, 0, "unreadable effect "+word)
			continue
		}
		n, err := strconv.Atoi(head[:len(head)-1])
		if err != nil {
			l.find(Torn, 0, "unreadable effect "+word)
			continue
		}
		l.effects = append(l.effects, effect{word, n, head[len(head)-1]})
	}
}

// numbers lists the messages in order.
func (l *ledger) numbers() []int {
	list := make([]int, 0, len(l.messages))
	for n := range l.messages {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}
