// Package torture tries a server from outside while its processes are killed,
// stopped, drained and cut off: devices number their messages, keep what was not
// acknowledged and send it again, a history file says who said what when, and a
// judge compares it with what the server has kept.
//
// It serves tests only. It knows the server as a command line, a socket and an
// HTTP API, and nothing of its insides.
package torture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says what is tried on which server. It crosses to a checker process as
// JSON.
type Plan struct {
	// Server is the command line that serves. The argument "{data}" stands for the
	// data directory.
	Server  []string
	Dir     string // for the data directory, the history and the server's log
	Devices int
	Window  int           // unacknowledged messages of a device at once
	Pause   time.Duration // mean time between two messages of a device, 0 is none
	Kinds   []Kind        // of messages; nil is all
	Seed    uint64

	// The faults go on until all of this is done, and at most for MaxTime.
	Time        time.Duration
	ServerKills int
	WorkerKills int
	Traces      int // kills at a system call, where that can be done
	MaxTime     time.Duration
	Settle      time.Duration // for the devices to come to an end; 0 is a minute
	Long        bool          // long lives of the server beside short ones
}

// complete fills in what a plan leaves open.
func (p *Plan) complete() {
	if p.Devices == 0 {
		p.Devices = 16
	}
	if p.Window == 0 {
		p.Window = 8
	}
	if p.Kinds == nil {
		p.Kinds = kinds
	}
	if p.Settle == 0 {
		p.Settle = time.Minute
	}
	if p.MaxTime == 0 {
		p.MaxTime = p.Time + time.Minute
	}
}

// Ordeal is one run against one server. Begin makes it and Close ends it.
type Ordeal struct {
	plan    Plan
	history *History
	site    site
	begun   time.Time
	numbers [2]int // of the script's two versions
	flipped int    // index into numbers
	devices []*device
	group   sync.WaitGroup
	stop    context.CancelFunc // ends the devices
	tally   tally
	crashes []string
	noTrace error // why the server cannot be killed at a system call
	traces  int   // tried so far
}

// tally counts while the run goes on.
type tally struct {
	acknowledged, repeats, commands, connects   atomic.Int64
	connected                                   atomic.Int64
	kills, drains, bootKills, traced            atomic.Int64
	workerKills, stops, drops, deafs, takeovers atomic.Int64
	flips, peeks                                atomic.Int64

	mu     sync.Mutex
	closed map[int]int // connections by the code of their end
}

// Begin starts the server and deploys the script to the devices, which do not
// connect yet.
func Begin(ctx context.Context, plan Plan) (*Ordeal, error) {
	plan.complete()
	history, err := newHistory(filepath.Join(plan.Dir, "history.jsonl"))
	if err != nil {
		return nil, err
	}
	o := &Ordeal{plan: plan, history: history, begun: time.Now(), noTrace: canTrace()}
	o.site.data = filepath.Join(plan.Dir, "data")
	o.site.command = plan.Server
	if o.site.log, err = os.Create(filepath.Join(plan.Dir, "server.log")); err != nil {
		return nil, errors.Join(err, history.Close())
	}
	if err = o.Boot(ctx); err == nil {
		err = o.prepare(ctx)
	}
	if err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// Start lets all devices connect at once and say what they have to say, until
// Settle.
func (o *Ordeal) Start() {
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	for _, d := range o.devices {
		o.group.Go(func() { d.live(ctx) })
	}
}

// Settle lets the devices come to an end: nothing new is said, what was not
// acknowledged is said until it is. It returns the findings of those that did
// not get there before ctx ended.
func (o *Ordeal) Settle(ctx context.Context) []Finding {
	var found []Finding
	for _, d := range o.devices {
		d.finish()
	}
	for _, d := range o.devices {
		select {
		case <-d.done:
		case <-ctx.Done():
			found = append(found, Finding{Kind: Stuck, Device: d.name, Text: d.waiting()})
		}
	}
	o.stop()
	o.group.Wait()
	return found
}

// Close ends the devices and kills the server, whatever they do.
func (o *Ordeal) Close() {
	if o.stop != nil {
		o.stop()
	}
	o.group.Wait()
	_ = o.Kill()
	_ = o.site.log.Close()
	_ = o.history.Close()
}

// Connected is the number of devices that have been welcomed and not closed.
func (o *Ordeal) Connected() int { return int(o.tally.connected.Load()) }

// Acknowledged is the number of messages whose end the devices know.
func (o *Ordeal) Acknowledged() int { return int(o.tally.acknowledged.Load()) }

// Closed counts the connections that ended so far by the server's close code; 0
// counts those that were cut.
func (o *Ordeal) Closed() map[int]int {
	o.tally.mu.Lock()
	defer o.tally.mu.Unlock()
	return maps.Clone(o.tally.closed)
}

// TakeOver has a device open a second connection beside its own. It is false
// while the device has such a thing to do already.
func (o *Ordeal) TakeOver(i int) bool { return o.tell(o.devices[i%len(o.devices)], takeOver) }

// Run is the whole of a trial: faults as planned, the end, and the verdict. The
// error is of the checker; what the server did wrong is in the report.
func Run(ctx context.Context, plan Plan) (*Report, error) {
	o, err := Begin(ctx, plan)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	o.Start()
	o.inject(ctx)
	report, err := o.Conclude(ctx)
	if err != nil {
		return nil, fmt.Errorf("conclude: %w", err)
	}
	return report, nil
}
