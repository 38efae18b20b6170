package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kindness is what a finding is called.
type Kindness string

// What a server may have done wrong.
const (
	Lost        Kindness = "lost"        // acknowledged, and without effect
	Doubled     Kindness = "doubled"     // one message or command took effect twice
	Repeated    Kindness = "repeated"    // a message that was said again took effect again
	Reordered   Kindness = "reordered"   // effects or commands of a device in another order
	Early       Kindness = "early"       // a command was seen before its write was durable
	Missing     Kindness = "missing"     // a committed command never came
	Lingering   Kindness = "lingering"   // a command came again after its acknowledgement
	Torn        Kindness = "torn"        // a segment took effect in part, or after an error
	Misanswered Kindness = "misanswered" // a wrong acknowledgement, or two that differ
	Stale       Kindness = "stale"       // a message said after a flip ran on the older version
	Unrevoked   Kindness = "unrevoked"   // a message said before a flip began after it on the older version
	Stuck       Kindness = "stuck"       // it was never acknowledged
	Crashed     Kindness = "crashed"     // the server ended by itself, or did not begin
)

// Finding is one thing that the server did wrong.
type Finding struct {
	Kind    Kindness
	Device  string
	Message int // 0 is none
	Text    string
}

func (f Finding) String() string {
	where := f.Device
	if f.Message > 0 {
		where += fmt.Sprintf(" m-%d", f.Message)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s: %s", f.Kind, where, f.Text))
}

// shown is how many findings of a kind a report holds.
const shown = 10

// Report is the verdict with its figures. It crosses from a checker process as
// JSON.
type Report struct {
	Took         time.Duration
	Acknowledged int64
	Repeats      int64 // acknowledgements of messages that were acknowledged before
	Commands     int64
	Connects     int64
	Peeks        int64 // commands whose write was looked for at once

	Kills       int64 // of the server, Traced and BootKills among them
	Traced      int64 // at a system call
	BootKills   int64
	Drains      int64
	WorkerKills int64
	Stops       int64
	Drops       int64
	Deafs       int64
	TakeOvers   int64
	Flips       int64
	Interrupted int // messages that ended so, rightly
	Overtime    int // messages whose events used up their CPU time
	Excused     int // messages that were answered with retry, and so have no place in the order

	Counts   map[Kindness]int
	Findings []Finding // some of each kind
	NoTrace  string    // why nothing was killed at a system call, "" where it was
}

func (o *Ordeal) report(ledgers map[string]*ledger, findings []Finding) *Report {
	t := &o.tally
	r := &Report{
		Took:         time.Since(o.begun),
		Acknowledged: t.acknowledged.Load(), Repeats: t.repeats.Load(), Commands: t.commands.Load(),
		Connects: t.connects.Load(), Peeks: t.peeks.Load(),
		Kills: t.kills.Load(), Traced: t.traced.Load(), BootKills: t.bootKills.Load(), Drains: t.drains.Load(),
		WorkerKills: t.workerKills.Load(), Stops: t.stops.Load(),
		Drops: t.drops.Load(), Deafs: t.deafs.Load(), TakeOvers: t.takeovers.Load(), Flips: t.flips.Load(),
		Counts: make(map[Kindness]int),
	}
	if o.noTrace != nil {
		r.NoTrace = o.noTrace.Error()
	}
	for _, l := range ledgers {
		for _, m := range l.messages {
			if m.name == interruptedName {
				r.Interrupted++
			}
			if m.overtime() {
				r.Overtime++
			}
			if m.retried {
				r.Excused++
			}
		}
	}
	for _, f := range findings {
		if r.Counts[f.Kind]++; r.Counts[f.Kind] <= shown {
			r.Findings = append(r.Findings, f)
		}
	}
	return r
}

// Good says whether nothing was found.
func (r *Report) Good() bool { return len(r.Counts) == 0 }

// String is the summary for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "acknowledgements  %d, and %d again, in %v (%.0f/s)\n",
		r.Acknowledged, r.Repeats, r.Took.Round(time.Millisecond), float64(r.Acknowledged)/r.Took.Seconds())
	fmt.Fprintf(&b, "commands          %d, %d of them looked up at once\n", r.Commands, r.Peeks)
	fmt.Fprintf(&b, "kills             %d of the server (%d at a write or sync, %d while it started), %d of workers\n",
		r.Kills, r.Traced, r.BootKills, r.WorkerKills)
	if r.NoTrace != "" {
		fmt.Fprintf(&b, "skipped           kills at a write or sync: %s\n", r.NoTrace)
	}
	fmt.Fprintf(&b, "other faults      %d drains, %d stopped workers, %d cut connections, %d deaf devices, %d takeovers, %d flips\n",
		r.Drains, r.Stops, r.Drops, r.Deafs, r.TakeOvers, r.Flips)
	fmt.Fprintf(&b, "connections       %d\n", r.Connects)
	fmt.Fprintf(&b, "interrupted       %d messages in an open wait\n", r.Interrupted)
	fmt.Fprintf(&b, "otherwise ended   %d messages used up their CPU time, %d were once answered with retry\n", r.Overtime, r.Excused)
	verdict := []string{}
	for _, k := range []Kindness{Lost, Doubled, Repeated, Reordered, Early} {
		verdict = append(verdict, fmt.Sprintf("%d %s", r.Counts[k], k))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Counts)) {
		if !slices.Contains([]Kindness{Lost, Doubled, Repeated, Reordered, Early}, k) {
			verdict = append(verdict, fmt.Sprintf("%d %s", r.Counts[k], k))
		}
	}
	fmt.Fprintf(&b, "verdict           %s\n", strings.Join(verdict, ", "))
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	return b.String()
}
