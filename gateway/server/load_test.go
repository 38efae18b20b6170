package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// counter adds up what it is told, once per message.
const counter = `export default { async onMessage(m, env) {
	const kv = env.DEVICE.kv;
	await kv.put("sum", ((await kv.get("sum")) ?? 0) + m.n);
	await kv.put("m" + m.n, true);
} };`

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

// each runs fn for all devices at once and waits.
func each(devices []string, fn func(string)) {
	var all sync.WaitGroup
	for _, d := range devices {
		all.Go(func() { fn(d) })
	}
	all.Wait()
}

func TestKilledServerKeepsWhatItAcknowledgedOnce(t *testing.T) {
	t.Parallel()
	n := start(t)
	devices := names("d-", 8)
	n.deploy("counter", counter, devices...)
	const enough = 25 // acknowledged messages of each device before the kill
	sent, acked := make(map[string]int), make(map[string]map[int]bool)
	var mu sync.Mutex
	var busy sync.WaitGroup
	reached := make(chan struct{}, len(devices))
	for _, d := range devices {
		s := n.connect(d, true)
		mu.Lock()
		acked[d] = make(map[int]bool)
		mu.Unlock()
		busy.Go(func() {
			for i := 1; ; i++ {
				mu.Lock()
				sent[d] = i
				mu.Unlock()
				if s.write(fmt.Sprintf(`{"type":"add","n":%d,"$id":"m-%d"}`, i, i)) != nil {
					return
				}
				for f := range s.frames {
					if f.kind() == "$ack" {
						if f["status"] == "ok" {
							mu.Lock()
							acked[d][i] = true
							mu.Unlock()
						}
						break
					}
				}
				if i == enough {
					reached <- struct{}{}
				}
				if s.over() {
					return
				}
			}
		})
	}
	for range devices {
		<-reached
	}
	n.kill()
	busy.Wait()
	n.boot()
	each(devices, func(d string) {
		for i := range acked[d] {
			if n.value(d, "m"+strconv.Itoa(i)) != "true" {
				t.Errorf("%s: message %d was acknowledged and is lost", d, i)
			}
		}
		s := n.connect(d, true)
		for i := 1; i <= sent[d]; i++ { // as a device does: all that may be lost, again
			if ack := s.acked(fmt.Sprintf("m-%d", i), fmt.Sprintf(`{"type":"add","n":%d}`, i)); ack["status"] != "ok" {
				t.Errorf("%s: message %d: %v", d, i, ack)
			}
		}
		if got, want := n.value(d, "sum"), strconv.Itoa(sent[d]*(sent[d]+1)/2); got != want {
			t.Errorf("%s: sum is %s, want %s: lost or doubled", d, got, want)
		}
	})
}

func TestKilledWorkersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	n := start(t)
	devices := names("w-", 4)
	n.deploy("counter", counter, devices...)
	const messages = 60
	each(devices, func(d string) {
		s := n.connect(d, true)
		for i := 1; i <= messages; i++ {
			if i%10 == 0 && d == devices[0] { // the others are in mid-event at any moment
				for _, pid := range childrenOf(t, n.cmd.Process.Pid) {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			if ack := s.acked(fmt.Sprintf("m-%d", i), fmt.Sprintf(`{"type":"add","n":%d}`, i)); ack["status"] != "ok" {
				t.Errorf("%s: message %d: %v", d, i, ack)
			}
		}
		if got, want := n.value(d, "sum"), strconv.Itoa(messages*(messages+1)/2); got != want {
			t.Errorf("%s: sum is %s, want %s: lost or doubled", d, got, want)
		}
	})
}

// TestWorkerKilledBetweenTwoSegments: what was committed stays, the rest ends as
// interrupted and never runs again.
func TestWorkerKilledBetweenTwoSegments(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("two", `export default { async onMessage(m, env) {
		await env.DEVICE.kv.put("first", ((await env.DEVICE.kv.get("first")) ?? 0) + 1);
		await env.DEVICE.request({ type: "ask" });
		await env.DEVICE.kv.put("second", true);
	} };`, "t-1")
	s := n.connect("t-1", true)
	s.say(`{"type":"go","$id":"m"}`)
	s.hearKind("ask")
	for _, pid := range childrenOf(t, n.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	ack := s.hearKind("$ack")
	if e, _ := ack["error"].(map[string]any); ack["status"] != "error" || e["name"] != "InterruptedError" {
		t.Fatalf("ack: %v", ack)
	}
	if first, second := n.value("t-1", "first"), n.value("t-1", "second"); first != "1" || second != "" {
		t.Fatalf("first = %s, second = %s", first, second)
	}
	if again := s.acked("m", `{"type":"go"}`); again["status"] != "error" {
		t.Fatalf("repeat: %v", again)
	}
}

// TestServerKilledBetweenTwoSegments is the same with the whole server.
func TestServerKilledBetweenTwoSegments(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("two", `export default { async onMessage(m, env) {
		await env.DEVICE.kv.put("first", ((await env.DEVICE.kv.get("first")) ?? 0) + 1);
		await env.DEVICE.request({ type: "ask" });
	} };`, "t-1")
	s := n.connect("t-1", true)
	s.say(`{"type":"go","$id":"m"}`)
	s.hearKind("ask")
	n.kill()
	n.boot()
	s = n.connect("t-1", true)
	if ack := s.acked("m", `{"type":"go"}`); ack["status"] != "error" {
		t.Fatalf("ack: %v", ack)
	}
	if first := n.value("t-1", "first"); first != "1" {
		t.Fatalf("first = %s", first)
	}
	if rows := n.rows("t-1", 1); !strings.Contains(string(rows[len(rows)-1]), "InterruptedError") {
		t.Fatalf("rows: %s", rows)
	}
}

// version answers with its own number, and tells which connect call came first.
func version(v int) string {
	return fmt.Sprintf(`let told = "";
export default {
	async onDeviceConnect(info, env) { await env.DEVICE.kv.put("told", %d); await env.DEVICE.kv.put("reason", info.reason); },
	async onMessage(m, env) {
		const begun = %d;
		if (m.n %% 3 === 0) await new Promise((r) => setTimeout(r, 2));
		await env.DEVICE.send({ type: "v", n: m.n, begun, v: %d, told: await env.DEVICE.kv.get("told") });
	},
};`, v, v, v)
}

func TestDeployAndRollbackUnderLoad(t *testing.T) {
	t.Parallel()
	n := start(t)
	devices := names("v-", 10)
	n.deploy("app", version(1), devices...)
	const before, during = 20, 40
	ready, flipped := make(chan struct{}, len(devices)), make(chan struct{})
	var all sync.WaitGroup
	for _, d := range devices {
		s := n.connect(d, true)
		all.Go(func() {
			last, changes := 0.0, 0
			for i := 1; ; i++ {
				s.say(fmt.Sprintf(`{"type":"go","n":%d}`, i))
				f := s.hearKind("v")
				if f["n"] != float64(i) || f["begun"] != f["v"] || f["told"] != f["v"] {
					t.Errorf("%s: %v", d, f)
				}
				if v := f["v"].(float64); v != last {
					last = v
					changes++
				}
				if i == before {
					ready <- struct{}{}
				}
				if i >= before+during {
					select {
					case <-flipped:
						if last != 1 || changes != 3 {
							t.Errorf("%s: ends on version %v after %d changes", d, last, changes)
						}
						return
					default:
					}
				}
			}
		})
	}
	for range devices {
		<-ready
	}
	n.deploy("app", version(2))
	each(devices, func(d string) { eventually(t, func() bool { return n.value(d, "told") == "2" }) })
	n.rollback("app", 1)
	each(devices, func(d string) { eventually(t, func() bool { return n.value(d, "told") == "1" }) })
	close(flipped)
	all.Wait()
	for _, d := range devices {
		if got := n.value(d, "reason"); got != `"rollback"` {
			t.Errorf("%s: reason %s", d, got)
		}
	}
}

func TestSilentDeviceHearsOfADeploy(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("app", version(1), "s-1", "s-2")
	s := n.connect("s-1", true)
	eventually(t, func() bool { return n.value("s-1", "told") == "1" })
	n.deploy("app", version(2))
	eventually(t, func() bool { return n.value("s-1", "told") == "2" })
	if got := n.value("s-1", "reason"); got != `"deploy"` {
		t.Errorf("reason %s", got)
	}
	if got := n.value("s-2", "told"); got != "" {
		t.Errorf("a device that is not connected was told %s", got)
	}
	if s.over() {
		t.Error("the deploy disconnected the device")
	}
}

func TestParallelConnectsLeaveOneSession(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("quiet", `export default { onMessage(m, env) { return env.DEVICE.send({ type: "pong" }); } };`, "p-1")
	token := n.token("p-1")
	const tries = 50
	sockets := make([]*socket, tries)
	var all sync.WaitGroup
	for i := range sockets {
		all.Go(func() {
			s, err := n.dial("p-1", token)
			if err != nil {
				t.Errorf("dial: %v", err)
				return
			}
			sockets[i] = s
			_ = s.write(`{"type":"$hello","acks":true}`) // an older one may be closed by now
			go s.read(true)
		})
	}
	all.Wait()
	eventually(t, func() bool {
		open := 0
		for _, s := range sockets {
			if !s.over() {
				open++
			}
		}
		return open == 1
	})
	for _, s := range sockets {
		if !s.over() {
			s.say(`{"type":"ping"}`)
			s.hearKind("pong")
		} else if s.code != 4001 {
			t.Errorf("closed with %d", s.code)
		}
	}
}

func TestRestartKeepsStateAndIDs(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("counter", counter, "r-1")
	s := n.connect("r-1", true)
	s.acked("a", `{"type":"add","n":5}`)
	if err := n.terminate(); err != nil {
		t.Fatalf("drain: %v", err)
	}
	if code := s.closed(); code != 1012 {
		t.Errorf("drained with %d", code)
	}
	n.boot()
	s = n.connect("r-1", true)
	s.acked("a", `{"type":"add","n":5}`)
	s.acked("b", `{"type":"add","n":7}`)
	if got := n.value("r-1", "sum"); got != "12" {
		t.Fatalf("sum = %s", got)
	}
}

func TestRemovedDeviceIsClosedAndForgotten(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("counter", counter, "g-1")
	token := n.token("g-1")
	s := n.connect("g-1", true)
	s.acked("a", `{"type":"add","n":5}`)
	if err := n.RemoveDevice(t.Context(), "home", "g-1"); err != nil {
		t.Fatal(err)
	}
	if code := s.closed(); code != 4004 {
		t.Errorf("closed with %d", code)
	}
	if _, err := n.dial("g-1", token); err == nil {
		t.Error("the token still opens a session")
	}
	n.deploy("counter", counter, "g-1")
	s = n.connect("g-1", true)
	s.acked("a", `{"type":"add","n":1}`)
	if got := n.value("g-1", "sum"); got != "1" {
		t.Fatalf("sum = %s", got)
	}
}
