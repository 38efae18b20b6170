package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/pool"
	"github.com/tendril-run/tendril/versions"
)

// ErrQueueFull says that a device's outbox has no room for a command.
var ErrQueueFull = errors.New("the device's outbox is full")

// Catalog knows which script a device runs and which code of it is live.
type Catalog interface {
	// Script returns the name of the script that the device runs. Error: ErrNoDevice.
	Script(ctx context.Context, key device.Key) (string, error)
	// Live returns the live version of a script, with its bundle and the kind of the
	// deployment that made it live. Error: versions.ErrNotFound when none is.
	Live(ctx context.Context, project, script string) (versions.Version, versions.Bundle, versions.Kind, error)
	// Remove deletes the device with its state and its tokens. Error: ErrNoDevice.
	Remove(ctx context.Context, key device.Key) error
}

// Runner runs one invocation; see pool.Pool.Run for the contract.
type Runner interface {
	Run(ctx context.Context, inv *runtime.Invocation, code pool.Code, host pool.Host) error
}

// Lines takes the log lines of events that commit nothing. Append blocks while
// its queue is full.
type Lines interface {
	Append(rec logs.Record)
}

// Config is what a Dispatcher is made of. All fields but Limits, Bounds, Now and
// Log are needed.
type Config struct {
	Store   Store
	Catalog Catalog
	Runner  Runner
	Lines   Lines
	Epoch   Epoch
	Limits  runtime.Limits // of one event; zero: the defaults
	Bounds  Bounds         // of one device; zero: the defaults
	Now     func() time.Time
	Log     *slog.Logger
}

// Dispatcher owns the mailboxes of all devices of this node. It is the inbox of
// the gateway's sessions.
type Dispatcher struct {
	Config

	ctx  context.Context // ends when Close is called; work in flight is abandoned
	stop context.CancelFunc

	draining atomic.Bool
	busy     busy // owner goroutines and sweeps

	tally tally
	live  liveCache
	cache stateCache

	mu        sync.Mutex
	mailboxes map[device.Key]*Mailbox
}

// New returns a Dispatcher. Close ends it.
func New(c Config) *Dispatcher {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Limits == (runtime.Limits{}) {
		c.Limits = runtime.DefaultLimits()
	}
	if c.Bounds == (Bounds{}) {
		c.Bounds = DefaultBounds()
	}
	d := &Dispatcher{Config: c, mailboxes: make(map[device.Key]*Mailbox)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.cache.max = c.Bounds.StateCache
	return d
}

// Refuse answers further messages with retry: the server is about to go.
func (d *Dispatcher) Refuse() { d.draining.Store(true) }

// Drain refuses further messages and waits until every mailbox is empty or ctx
// ends. Events that still run then are abandoned by Close.
func (d *Dispatcher) Drain(ctx context.Context) error {
	d.Refuse()
	return d.busy.wait(ctx)
}

// Close abandons what still runs and waits for it.
func (d *Dispatcher) Close() {
	d.draining.Store(true)
	d.stop()
	_ = d.busy.wait(context.Background())
}

// mailbox returns the mailbox of a device, locked. It makes one where none is.
func (d *Dispatcher) mailbox(key device.Key) *Mailbox {
	for {
		d.mu.Lock()
		m := d.mailboxes[key]
		if m == nil {
			m = &Mailbox{d: d, key: key}
			d.mailboxes[key] = m
		}
		d.mu.Unlock()
		m.mu.Lock()
		if !m.dead {
			return m
		}
		m.mu.Unlock()
	}
}

// forget drops a mailbox that holds nothing.
func (d *Dispatcher) forget(m *Mailbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead || m.running || m.session != nil || m.state != nil {
		return
	}
	m.dead = true
	m.makeRoom()
	delete(d.mailboxes, m.key)
}

func (d *Dispatcher) millis() int64 { return d.Now().UnixMilli() }
