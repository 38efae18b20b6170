package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions/bundle"
)

// TestMain lets this binary act as the children that the pool starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "worker":
			os.Exit(worker.Main(os.Stdin, os.Stdout))
		case "compile":
			os.Exit(bundle.Main(os.Stdin, os.Stdout))
		case "liar":
			os.Exit(liar(os.Args[2]))
		case "parent":
			os.Exit(parent())
		}
	}
	goleak.VerifyTestMain(m)
}

// newPool starts a pool that is closed with the test.
func newPool(t testing.TB, cfg Config) *Pool {
	t.Helper()
	if cfg.Log == nil && os.Getenv("POOL_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if cfg.Args == nil {
		ready(t, p)
	}
	return p
}

func ready(t testing.TB, p *Pool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// script is the code of a version with one handler, onMessage(m, env).
func script(body string) Code {
	return module("class Entry { async onMessage(m, env) {" + body + "} }\n__tendril_export(Entry);")
}

func module(body string) Code {
	return Code{
		Version: fmt.Sprintf("%x", body), Script: "test", Main: "src/main.ts",
		Bundle: []byte("\"use strict\";\n(() => {\n" + body + "\n})();\n"), Handlers: []string{"onMessage"},
	}
}

const echo = `await env.DEVICE.send({type: "echo", value: m.value});`

// event is an invocation of onMessage with everything left.
func event(device, payload string) *runtime.Invocation {
	l := runtime.DefaultLimits()
	return &runtime.Invocation{
		Device: "p/" + device, DeviceID: device, Project: "p",
		Event: runtime.Event{ID: "m-1", Kind: runtime.Message, Payload: []byte(payload)},
		KV:    runtime.Snapshot{Complete: true},
		Quota: runtime.Quota{
			Connected: true, OutboxRows: 100, OutboxBytes: 256 << 10, KVKeys: 1000, KVBytes: 1 << 20,
			Budget: l.CPU, Wall: l.Wall,
		},
		Limits: l,
	}
}

// desk is a host that keeps what it was told. It begins timers, and answers
// requests through the reply channel.
type desk struct {
	inv   *runtime.Invocation
	reply chan string   // replies to requests
	began chan struct{} // one for each segment that waits; may be nil

	mu       sync.Mutex
	kv       map[string]string
	commands []string
	lines    []string
	outcome  *runtime.Outcome
	outcomes int
	restarts int
	waits    int
	cpu      time.Duration
	used     time.Duration // of the run under way
	timers   map[uint64]*time.Timer
	results  chan runtime.Result
}

func newDesk(inv *runtime.Invocation) *desk {
	return &desk{inv: inv, kv: map[string]string{}, reply: make(chan string, 8), results: make(chan runtime.Result, 128), timers: map[uint64]*time.Timer{}}
}

func (d *desk) Read(r runtime.Read) runtime.ReadResult {
	d.mu.Lock()
	defer d.mu.Unlock()
	res := runtime.ReadResult{ID: r.ID}
	for key, value := range d.kv {
		if r.List && strings.HasPrefix(key, r.Key) && key > r.After || key == r.Key {
			res.Pairs = append(res.Pairs, runtime.KVPair{Key: key, Value: []byte(value)})
		}
	}
	slices.SortFunc(res.Pairs, func(a, b runtime.KVPair) int { return strings.Compare(a.Key, b.Key) })
	return res
}

func (d *desk) Segment(ctx context.Context, s *runtime.Segment) (*runtime.Resume, error) {
	d.commit(s)
	if s.Outcome != nil {
		return nil, nil
	}
	if d.began != nil {
		d.began <- struct{}{}
	}
	select {
	case r := <-d.results:
		q := d.inv.Quota
		q.Budget -= d.used
		return &runtime.Resume{Result: r, Quota: q}, nil
	case text, open := <-d.reply:
		if !open {
			return nil, errors.New("abandoned")
		}
		q := d.inv.Quota
		q.Budget -= d.used
		return &runtime.Resume{Result: runtime.Result{ID: s.Begin[0].ID, Value: []byte(text)}, Quota: q}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *desk) commit(s *runtime.Segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cpu += s.CPU
	d.used += s.CPU
	for _, w := range s.KV {
		if w.Delete {
			delete(d.kv, w.Key)
		} else {
			d.kv[w.Key] = string(w.Value)
		}
	}
	for _, c := range s.Commands {
		d.commands = append(d.commands, string(c.Body))
	}
	for _, l := range s.Lines {
		d.lines = append(d.lines, string(l.Level)+" "+l.Message)
	}
	if s.Outcome != nil {
		d.outcome = s.Outcome
		d.outcomes++
		return
	}
	d.waits++
	for _, op := range s.Begin {
		if op.Kind == runtime.Timer {
			d.timers[op.ID] = time.AfterFunc(op.Wait, func() { d.results <- runtime.Result{ID: op.ID} })
		}
	}
}

func (d *desk) Restart() *runtime.Invocation {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.restarts++
	d.used = 0
	for id, timer := range d.timers {
		timer.Stop()
		delete(d.timers, id)
	}
	for len(d.results) > 0 {
		<-d.results
	}
	return d.inv
}

// run runs an event and returns how it ended: with Run's error or that of the
// outcome.
func run(ctx context.Context, p *Pool, d *desk, code Code) (*runtime.ScriptError, error) {
	err := p.Run(ctx, d.inv, code, d)
	var serr *runtime.ScriptError
	switch {
	case errors.As(err, &serr):
		return serr, nil
	case err != nil:
		return nil, err
	case d.outcome == nil:
		return nil, errors.New("no outcome")
	}
	return d.outcome.Error, nil
}

// well runs an event that must settle well within 10 s.
func well(t testing.TB, p *Pool, d *desk, code Code) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if serr, err := run(ctx, p, d, code); err != nil || serr != nil {
		t.Fatalf("ended with %v, %v", serr, err)
	}
	if d.outcomes != 1 {
		t.Fatalf("%d outcomes", d.outcomes)
	}
}

// badly runs an event that must end with a script error.
func badly(t testing.TB, p *Pool, d *desk, code Code) *runtime.ScriptError {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	serr, err := run(ctx, p, d, code)
	if err != nil || serr == nil {
		t.Fatalf("ended with %v, %v; wanted a script error", serr, err)
	}
	return serr
}

func wantJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil || fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// pids are the processes of a pool's children.
func (p *Pool) pids() (all []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ch := range p.alive {
		all = append(all, ch.cmd.Process.Pid)
	}
	return all
}
