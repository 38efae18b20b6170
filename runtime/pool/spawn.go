package pool

import (
	"fmt"
	"io"
	"os/exec"
	goruntime "runtime"
	"time"

	"github.com/tendril-run/tendril/runtime/worker"
)

// spawn orders a child. A worker joins the pool when it is ready; a trial's
// child is handed over once it has started.
type spawn struct {
	trial chan<- started
}

type started struct {
	child *child
	err   error
}

// startLimit is how long a child may take to report ready.
const startLimit = 10 * time.Second

// spawner starts children on a thread of its own: on Linux a child dies with the
// thread that started it, so this one must live as long as the pool. Close stops
// it, after the children it started have been told to die.
func (p *Pool) spawner() {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	for {
		select {
		case s := <-p.spawns:
			ch, err := p.start(s.trial != nil)
			if s.trial != nil {
				s.trial <- started{ch, err}
			} else if err != nil {
				p.stillborn(err)
			}
		case <-p.stop:
			return
		}
	}
}

// start starts a child process and the goroutines that serve it.
func (p *Pool) start(trial bool) (*child, error) {
	ch := &child{
		pool: p, trial: trial, born: time.Now(),
		calls: make(map[uint64]*call), programs: make(map[string]*loaded), projects: make(map[string]int),
		wake: make(chan struct{}, 1), gone: make(chan struct{}), tried: make(chan []byte, 1),
	}
	cmd := exec.Command(p.cfg.Exe, p.cfg.Args...)
	cmd.Env = []string{}
	cmd.Stderr = &ch.stderr
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second
	var err error
	if ch.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("pool: start worker: %w", err)
	}
	var out io.ReadCloser
	if out, err = cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("pool: start worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("pool: start worker: %w", err)
	}
	ch.cmd = cmd
	p.tally.spawned.Add(1)
	ch.buf = worker.AppendStart(nil, worker.Settings{Runners: p.cfg.Runners, Procs: p.cfg.Procs, Memory: p.cfg.Memory})
	ch.poke()
	ch.late = time.AfterFunc(startLimit, func() { ch.kill(ending{rule: notReady}) })
	p.mu.Lock()
	p.alive[ch] = struct{}{}
	if p.closed {
		ch.kill(ending{rule: closing})
	}
	p.mu.Unlock()
	p.group.Go(ch.write)
	p.group.Go(func() { ch.read(worker.NewReader(out)) })
	return ch, nil
}

// stillborn counts a start that came to nothing; the next one waits for a while
// that doubles up to 5 s.
func (p *Pool) stillborn(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	p.lastErr = err
	p.rest()
	p.balance()
}

// rest puts off the next start. With the lock held.
func (p *Pool) rest() {
	pause := min(50*time.Millisecond<<min(p.failures, 10), 5*time.Second)
	p.failures++
	p.resting = time.Now().Add(pause)
	p.log.Error("worker did not start", "again_in", pause, "error", p.lastErr)
	time.AfterFunc(pause, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.balance()
	})
}

// order asks the spawner for one more worker. With the lock held.
func (p *Pool) order() {
	p.starting++
	p.group.Go(func() {
		select {
		case p.spawns <- spawn{}:
		case <-p.stop:
		}
	})
}
