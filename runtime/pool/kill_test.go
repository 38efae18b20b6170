package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func TestEndlessLoopEndsWithOneErrorWhileOthersAreAnswered(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	var group sync.WaitGroup
	stop := make(chan struct{})
	answered := 0
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			d := newDesk(event("innocent", fmt.Sprintf(`{"type":"x","value":%d}`, i)))
			began := time.Now()
			well(t, p, d, script(echo))
			if wait := time.Since(began); wait > time.Second {
				t.Errorf("an innocent event took %v", wait)
			}
			answered++
		}
	})
	d := newDesk(event("loop", `{"type":"x"}`))
	began := time.Now()
	e := badly(t, p, d, script(`console.log("in"); for (;;) {}`))
	took := time.Since(began)
	close(stop)
	group.Wait()
	if e.Name != runtime.TimeoutError || e.Limit != "cpu" || e.CPUMillis < 45 {
		t.Errorf("error %+v", e)
	}
	if took > time.Second {
		t.Errorf("took %v", took)
	}
	if d.outcomes != 1 || len(d.lines) != 1 || d.restarts != 0 {
		t.Errorf("%d outcomes, lines %v, %d restarts", d.outcomes, d.lines, d.restarts)
	}
	if answered == 0 {
		t.Error("nobody else was answered")
	}
}

// stuck is a call that no interrupt reaches.
const stuck = `Array.prototype.includes.call({length: 2 ** 53 - 1}, 1);`

func TestTurnThatNoInterruptReachesIsKilled(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("stuck", `{"type":"x"}`))
	var group sync.WaitGroup
	group.Go(func() {
		e := badly(t, p, d, script(stuck))
		if e.Name != runtime.TimeoutError || e.Limit != "cpu" || e.CPUMillis < 100 || e.File != "src/main.ts" {
			t.Errorf("error %+v", e)
		}
	})
	for i := range 50 {
		group.Go(func() {
			innocent := newDesk(event(fmt.Sprint(i), `{"type":"x","value":1}`))
			well(t, p, innocent, script(`await new Promise((done) => setTimeout(done, 100));`+echo))
		})
	}
	group.Wait()
	if d.outcomes != 0 || d.restarts != 0 {
		t.Errorf("%d outcomes, %d restarts", d.outcomes, d.restarts)
	}
}

// strike kills the workers of a pool that hold calls, as another process would.
func strike(t *testing.T, p *Pool) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	struck := 0
	for _, ch := range p.children {
		if ch.unsettled > 0 {
			struck++
			proc, err := os.FindProcess(ch.cmd.Process.Pid)
			if err == nil {
				err = proc.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if struck == 0 {
		t.Fatal("no worker holds a call")
	}
}

func TestKilledWorkerRunsUncommittedEventAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x","value":3}`))
	d.began = make(chan struct{}, 2)
	var group sync.WaitGroup
	group.Go(func() {
		well(t, p, d, script(`await new Promise((done) => setTimeout(done, 150));`+echo))
	})
	<-d.began
	strike(t, p)
	group.Wait()
	if d.restarts != 1 || len(d.commands) != 1 {
		t.Errorf("%d restarts, commands %v", d.restarts, d.commands)
	}
}

func TestKilledWorkerInterruptsCommittedEvent(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"write":   `await env.DEVICE.kv.put("k", 1); await new Promise((done) => setTimeout(done, 60000));`,
		"line":    `console.log("here"); await new Promise((done) => setTimeout(done, 60000));`,
		"request": `await env.DEVICE.request({type: "ask"});`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, Config{})
			d := newDesk(event("a", `{"type":"x"}`))
			d.began = make(chan struct{}, 1)
			var group sync.WaitGroup
			group.Go(func() {
				if e := badly(t, p, d, script(body)); e.Name != runtime.InterruptedError {
					t.Errorf("error %+v", e)
				}
			})
			<-d.began
			strike(t, p)
			group.Wait()
			if d.restarts != 0 || d.outcomes != 0 {
				t.Errorf("%d restarts, %d outcomes", d.restarts, d.outcomes)
			}
		})
	}
}

func TestEventUnderThreeKilledWorkersIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	d.began = make(chan struct{}, 1)
	var group sync.WaitGroup
	group.Go(func() {
		e := badly(t, p, d, script(`await new Promise((done) => setTimeout(done, 60000));`))
		if e.Name != runtime.InterruptedError {
			t.Errorf("error %+v", e)
		}
	})
	for range mostDeaths {
		<-d.began
		strike(t, p)
	}
	group.Wait()
	if d.restarts != mostDeaths-1 {
		t.Errorf("%d restarts", d.restarts)
	}
}

func TestKillsUnderLoadLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	const devices, each = 16, 60
	var group sync.WaitGroup
	for i := range devices {
		group.Go(func() {
			for n := range each {
				d := newDesk(event(fmt.Sprint(i), fmt.Sprintf(`{"type":"x","value":%d}`, n)))
				serr, err := run(context.Background(), p, d, script(echo))
				switch {
				case err != nil:
					t.Errorf("ended with %v", err)
				case serr != nil && serr.Name != runtime.InterruptedError:
					t.Errorf("ended with %v", serr)
				case serr != nil && len(d.commands) != 0, serr == nil && len(d.commands) != 1:
					t.Errorf("ended with %v and %d commands", serr, len(d.commands))
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	for kills := 0; ; {
		select {
		case <-over:
			if kills == 0 {
				t.Error("no worker was killed")
			}
			return
		case <-time.After(5 * time.Millisecond):
			p.mu.Lock()
			for _, ch := range p.children {
				if ch.unsettled > 0 {
					kills++
					_ = ch.cmd.Process.Kill()
					break
				}
			}
			p.mu.Unlock()
		}
	}
}

func TestHugeAllocationEndsItsEventOnly(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 50 {
				d := newDesk(event(fmt.Sprint(i), fmt.Sprintf(`{"type":"x","value":%d}`, n)))
				well(t, p, d, script(echo))
			}
		})
	}
	for range 3 {
		d := newDesk(event("greedy", `{"type":"x"}`))
		e := badly(t, p, d, script(`const a = new ArrayBuffer(2 ** 36); return a.byteLength;`))
		t.Logf("%d restarts: %v", d.restarts, e)
		if d.outcomes == 0 && (e.Limit != "memory" || d.restarts > mostDeaths) {
			t.Errorf("error %+v after %d restarts", e, d.restarts)
		}
	}
	group.Wait()
}

func TestFloodOfMemoryIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	for _, body := range []string{
		`let s = "x"; for (;;) s += s;`,
		`const a = []; for (;;) a.push(new Array(1000).fill(1));`,
	} {
		d := newDesk(event("flood", `{"type":"x"}`))
		d.inv.Limits.CPU, d.inv.Quota.Budget = 5*time.Second, 5*time.Second
		e := badly(t, p, d, script(body))
		t.Logf("%d restarts: %v", d.restarts, e)
		if e.Limit != "memory" && e.Name != "RangeError" {
			t.Errorf("error %+v", e)
		}
	}
	d := newDesk(event("a", `{"type":"x","value":1}`))
	well(t, p, d, script(echo))
}

func TestSilentWorkerIsConvictedByItsThreads(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Args: []string{"liar", "deaf"}, Workers: 1})
	d := newDesk(event("a", `{"type":"x"}`))
	e := badly(t, p, d, script(echo))
	if e.Name != runtime.TimeoutError || e.Limit != "cpu" {
		t.Errorf("error %+v", e)
	}
	if d.restarts != 1 {
		t.Errorf("%d restarts; a suspect runs alone once", d.restarts)
	}
}

func TestWorkersThatNeverStartAreReported(t *testing.T) {
	t.Parallel()
	for lie, want := range map[string]string{"stillborn": "before it was ready", "another protocol": "before it was ready"} {
		p := newPool(t, Config{Args: []string{"liar", lie}, Workers: 1})
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		err := p.Ready(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: ready says %v", lie, err)
		}
		p.mu.Lock()
		if p.failures < 2 || p.failures > 8 {
			t.Errorf("%s: %d starts failed in half a second", lie, p.failures)
		}
		p.mu.Unlock()
	}
}

func TestSlowWorkerGetsNoNewEventsAndGivesBackUnbegunOnes(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	var group sync.WaitGroup
	loop := newDesk(event("loop", `{"type":"x"}`))
	loop.inv.Limits.CPU, loop.inv.Quota.Budget = 2*time.Second, 2*time.Second
	over := make(chan struct{})
	group.Go(func() {
		defer close(over)
		badly(t, p, loop, script(`for (;;) {}`))
	})
	for held := 0; held == 0; time.Sleep(100 * time.Microsecond) {
		p.mu.Lock()
		for _, ch := range p.children {
			held += ch.unsettled
		}
		p.mu.Unlock()
	}
	var innocents sync.WaitGroup
	for i := range 20 {
		innocents.Go(func() {
			well(t, p, newDesk(event(fmt.Sprint(i), `{"type":"x","value":1}`)), script(echo))
		})
	}
	innocents.Wait()
	select {
	case <-over:
		t.Error("the others waited for the loop")
	default:
	}
	group.Wait()
}

func TestSurplusWorkersAreLetGo(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	loop := newDesk(event("loop", `{"type":"x"}`))
	loop.inv.Limits.CPU, loop.inv.Quota.Budget = 300*time.Millisecond, 300*time.Millisecond
	badly(t, p, loop, script(`for (;;) {}`)) // another worker and another spare take its place
	for {
		p.mu.Lock()
		n := len(p.children)
		for _, ch := range p.children {
			ch.resting = time.Now().Add(-time.Hour)
		}
		p.mu.Unlock()
		if n == 3 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	p.thin()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.children) != 2 {
		t.Errorf("%d workers", len(p.children))
	}
}
