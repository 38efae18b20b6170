package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func TestEchoComesBackAsCommand(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x","value":7}`))
	well(t, p, d, script(echo))
	if len(d.commands) != 1 {
		t.Fatalf("commands %v", d.commands)
	}
	wantJSON(t, d.commands[0], `{"type":"echo","value":7}`)
	if d.cpu <= 0 {
		t.Error("no CPU time was counted")
	}
}

func TestEffectsComeBackInCallOrder(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	d.kv["n"] = "41"
	d.inv.KV.Pairs = []runtime.KVPair{{Key: "n", Value: []byte("41")}}
	well(t, p, d, script(`
		const kv = env.DEVICE.kv, n = await kv.get("n");
		await kv.put("n", n + 1); await kv.put("gone", 1); await kv.delete("gone");
		env.DEVICE.send({type: "one"}); env.DEVICE.send({type: "two"}, {key: "k", ttl: 1000, durable: true});
		console.warn("counted", {n});
		return {n};`))
	if d.kv["n"] != "42" || len(d.kv) != 1 {
		t.Errorf("kv %v", d.kv)
	}
	if got := fmt.Sprint(d.commands); got != `[{"type":"one"} {"type":"two"}]` {
		t.Errorf("commands %s", got)
	}
	if got := fmt.Sprint(d.lines); got != `[warn counted]` {
		t.Errorf("lines %s", got)
	}
	wantJSON(t, string(d.outcome.Value), `{"n":41}`)
}

func TestMissesAreReadFromTheHost(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	d.inv.KV.Complete = false
	d.kv["far"] = `"away"`
	well(t, p, d, script(`
		const kv = env.DEVICE.kv;
		return [await kv.get("far"), await kv.get("none") === undefined, (await kv.list({prefix: "f"})).length];`))
	wantJSON(t, string(d.outcome.Value), `["away",true,1]`)
}

func TestTimerResumesTheEvent(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	well(t, p, d, script(`
		await env.DEVICE.kv.put("before", 1);
		await new Promise((done) => setTimeout(done, 20));
		await env.DEVICE.kv.put("after", 2);`))
	if d.waits != 1 || d.kv["before"] != "1" || d.kv["after"] != "2" {
		t.Errorf("%d waits, kv %v", d.waits, d.kv)
	}
}

func TestReplyResumesTheRequest(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	d.reply <- `{"type":"value","value":5}`
	well(t, p, d, script(`return (await env.DEVICE.request({type: "ask"})).value;`))
	wantJSON(t, string(d.outcome.Value), `5`)
}

func TestThrowKeepsLinesAndNothingElse(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	e := badly(t, p, d, script(`console.log("so far"); await env.DEVICE.kv.put("k", 1); throw new RangeError("no", {cause: new Error("why")});`))
	if e.Name != "RangeError" || e.Message != "no" || e.Cause == nil || e.Cause.Message != "why" {
		t.Errorf("error %+v", e)
	}
	if len(d.kv) > 0 || len(d.lines) != 1 {
		t.Errorf("kv %v, lines %v", d.kv, d.lines)
	}
}

func TestContextEndsRunAndCancelsTheEvent(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	d := newDesk(event("a", `{"type":"x"}`))
	d.began = make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- p.Run(ctx, d.inv, script(`await new Promise((done) => setTimeout(done, 60000))`), d) }()
	<-d.began
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	settle(t, p)
	if d.outcomes != 0 {
		t.Error("the host was called after the end")
	}
}

func TestHostErrorAbandonsTheEvent(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{})
	d := newDesk(event("a", `{"type":"x"}`))
	close(d.reply)
	_, err := run(context.Background(), p, d, script(`await env.DEVICE.request({type: "ask"})`))
	if err == nil || err.Error() != "abandoned" {
		t.Errorf("ended with %v", err)
	}
	settle(t, p)
}

// settle waits until no worker holds a call.
func settle(t *testing.T, p *Pool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		held := 0
		for _, ch := range p.children {
			ch.mu.Lock()
			held += ch.unsettled + len(ch.calls)
			ch.mu.Unlock()
		}
		p.mu.Unlock()
		if held == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d calls are held", held)
		}
	}
}

func TestWaitsInLineBeyondTheRoomOfWorkers(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	var group sync.WaitGroup
	code := script(`await env.DEVICE.request({type: "ask"})`)
	began := make(chan struct{}, 3*mostOfProject)
	desks := make([]*desk, cap(began))
	for i := range desks {
		desks[i] = newDesk(event(fmt.Sprint(i), `{"type":"x"}`))
		desks[i].began = began
		group.Go(func() { well(t, p, desks[i], code) })
	}
	for range mostOfProject {
		<-began
	}
	other := newDesk(event("other", `{"type":"x","value":1}`))
	other.inv.Project = "q"
	well(t, p, other, script(echo)) // a full share of one project leaves room for others
	p.mu.Lock()
	for _, ch := range p.children {
		if ch.projects["p"] > mostOfProject {
			t.Errorf("a worker holds %d calls of a project", ch.projects["p"])
		}
	}
	p.mu.Unlock()
	for _, d := range desks {
		d.reply <- `{}`
	}
	group.Wait()
	settle(t, p)
}

func TestManyVersionsShareAWorker(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Workers: 1})
	padding := "/*" + strings.Repeat("x", 1<<20) + "*/"
	for round := range 2 {
		for i := range 20 { // more bytes than a worker keeps
			d := newDesk(event("a", fmt.Sprintf(`{"type":"x","value":%d}`, round)))
			well(t, p, d, script(fmt.Sprintf(`return [%d, m.value] %s`, i, padding)))
			wantJSON(t, string(d.outcome.Value), fmt.Sprintf("[%d,%d]", i, round))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ch := range p.children {
		if ch.bytes > keepPrograms {
			t.Errorf("a worker keeps %d bytes of programs", ch.bytes)
		}
	}
}

func TestCloseLeavesNoChildrenAndEndsRuns(t *testing.T) {
	t.Parallel()
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, p)
	d := newDesk(event("a", `{"type":"x"}`))
	d.began = make(chan struct{}, 1)
	over := make(chan error)
	go func() {
		over <- p.Run(context.Background(), d.inv, script(`await env.DEVICE.request({type: "ask"})`), d)
	}()
	<-d.began
	pids := p.pids()
	p.Close()
	if err := <-over; !errors.Is(err, ErrClosed) {
		t.Errorf("run ended with %v", err)
	}
	if len(pids) < 2 {
		t.Errorf("children %v", pids)
	}
	for _, pid := range pids {
		if exists(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if err := p.Run(context.Background(), d.inv, script(echo), d); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool ran: %v", err)
	}
	if err := p.Ready(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool is ready: %v", err)
	}
}
