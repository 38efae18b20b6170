package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	goruntime "runtime"
	"slices"
	"sync"
	"time"
)

// ErrClosed is what Run and Try return once the pool is closed.
var ErrClosed = errors.New("pool: closed")

// Config says how workers are run. The zero value is a good configuration.
type Config struct {
	Exe     string   // the binary of the children; "" is this one
	Args    []string // its arguments; nil is "worker"
	Workers int      // 0 is max(2, cores); one more is kept as a spare
	Runners int      // turns at once in a worker; 0 is 1
	Procs   int      // GOMAXPROCS of a worker; 0 is 2
	Memory  uint64   // bytes over base that a worker may use; 0 is 128 MiB
	Log     *slog.Logger
}

// Pool runs events in worker processes. Its methods may be called by any
// goroutine.
type Pool struct {
	cfg Config
	log *slog.Logger

	spawns chan spawn     // to the spawner
	stop   chan struct{}  // closed by Close
	tries  chan struct{}  // a place for each trial at once
	group  sync.WaitGroup // spawner, patrol, and the goroutines of children

	mu       sync.Mutex
	closed   bool
	alive    map[*child]struct{} // every child that is not yet buried
	children []*child            // ready ones
	starting int                 // ordered from the spawner and not yet ready
	ready    chan struct{}
	lines    lines // calls that wait for room in a worker
	lone     []*call
	tally    tally
	failures int       // starts in a row that came to nothing
	resting  time.Time // until then no worker is started
	lastErr  error     // of a start
}

// New starts the workers. It does not wait for them; Ready does.
func New(cfg Config) (*Pool, error) {
	if cfg.Exe == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("pool: find own binary: %w", err)
		}
		cfg.Exe = exe
	}
	if cfg.Args == nil {
		cfg.Args = []string{"worker"}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = max(2, goruntime.NumCPU())
	}
	if cfg.Runners <= 0 {
		cfg.Runners = 1
	}
	if cfg.Procs <= 0 {
		cfg.Procs = cfg.Runners + 1
	}
	if cfg.Memory == 0 {
		cfg.Memory = 128 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{
		cfg: cfg, log: cfg.Log,
		spawns: make(chan spawn), stop: make(chan struct{}), tries: make(chan struct{}, maxTries),
		alive: make(map[*child]struct{}), ready: make(chan struct{}),
	}
	closeOnExec()
	p.group.Go(p.spawner)
	p.group.Go(p.patrol)
	p.mu.Lock()
	p.balance()
	p.mu.Unlock()
	return p, nil
}

// Ready returns once a worker can run an event. Its error is that of ctx, with
// the reason of the last failed start.
func (p *Pool) Ready(ctx context.Context) error {
	for {
		p.mu.Lock()
		n, next, closed := len(p.children), p.ready, p.closed
		p.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case n > 0:
			return nil
		}
		select {
		case <-next:
		case <-p.stop:
		case <-ctx.Done():
			p.mu.Lock()
			defer p.mu.Unlock()
			return errors.Join(ctx.Err(), p.lastErr)
		}
	}
}

// Close kills all children and returns when they are gone. Running calls of Run
// and Try return ErrClosed.
func (p *Pool) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	p.children = nil
	for ch := range p.alive {
		ch.kill(ending{rule: closing})
	}
	for _, c := range slices.Concat(p.lone, p.lines.all()) {
		c.mail <- message{lost: &loss{ending: ending{rule: closing}}}
	}
	p.lone, p.lines = nil, lines{}
	p.mu.Unlock()
	p.group.Wait()
}
