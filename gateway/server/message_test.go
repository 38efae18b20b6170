package server_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/logs"
)

const thermostat = `
import { DeviceEntrypoint, type Message } from "tendril";
export default class Thermostat extends DeviceEntrypoint {
  async onDeviceConnect(info: { reason: string }) {
    console.info("hello", { reason: info.reason });
  }
  async onMessage(message: Message) {
    const last = await this.env.DEVICE.kv.get<number>("last");
    await this.env.DEVICE.kv.put("last", message.celsius);
    if ((message.celsius as number) > 30) await this.env.DEVICE.send({ type: "fan", on: true });
    console.warn("reading", { celsius: message.celsius, last });
  }
}
`

func TestMessageWakesScriptAndCommandComesBack(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("thermostat", thermostat, "t-1")
	s := n.connect("t-1", true)
	if ack := s.acked("m-1", `{"type":"reading","celsius":31.5}`); ack["status"] != "ok" {
		t.Fatalf("ack: %v", ack)
	}
	// Commands of a segment leave before the acknowledgement of its message.
	s2 := n.connect("t-1", true)
	if code := s.closed(); code != 4001 {
		t.Fatalf("older session closed with %d", code)
	}
	s2.say(`{"type":"reading","celsius":32}`)
	if f := s2.hearKind("fan"); f["on"] != true {
		t.Fatalf("command: %v", f)
	}
	eventually(t, func() bool { return n.value("t-1", "last") == "32" })
	var row logs.Row
	rows := n.rows("t-1", 4)
	if err := json.Unmarshal(rows[1], &row); err != nil {
		t.Fatal(err)
	}
	if row.Message != "reading" || row.Level != "warn" || string(row.Fields) != `{"celsius":31.5}` || row.Version != 1 || row.Event.ID != "m-1" {
		t.Fatalf("row: %s", rows[1])
	}
}

func TestCommandsLeaveInCallOrderBeforeTheAck(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("burst", `export default { onMessage(m, env) { for (let i = 0; i < 5; i++) env.DEVICE.send({ type: "n", i }); } };`, "b-1")
	for _, acks := range []bool{true, false} {
		s := n.connect("b-1", acks)
		s.say(`{"type":"go","$id":"m-` + map[bool]string{true: "1", false: "2"}[acks] + `"}`)
		for i := range 5 {
			if f := s.hear(); f.kind() != "n" || f["i"] != float64(i) {
				t.Fatalf("acks %t: frame %d: %v", acks, i, f)
			}
		}
		if f := s.hear(); f.kind() != "$ack" || f["status"] != "ok" {
			t.Fatalf("after the commands: %v", f)
		}
	}
}

func TestRepeatedIDHasEffectOnce(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("count", `export default { async onMessage(m, env) {
		if (m.bad) throw new RangeError("bad reading");
		await env.DEVICE.kv.put("n", ((await env.DEVICE.kv.get("n")) ?? 0) + 1);
	} };`, "c-1")
	s := n.connect("c-1", true)
	for range 3 {
		if ack := s.acked("same", `{"type":"tick"}`); ack["status"] != "ok" {
			t.Fatalf("ack: %v", ack)
		}
	}
	for range 2 {
		ack := s.acked("bad", `{"type":"tick","bad":true}`)
		if e, _ := ack["error"].(map[string]any); ack["status"] != "error" || e["name"] != "RangeError" || e["message"] != "bad reading" {
			t.Fatalf("ack: %v", ack)
		}
	}
	if got := n.value("c-1", "n"); got != "1" {
		t.Fatalf("ran %s times", got)
	}
	n.kill()
	n.boot()
	s = n.connect("c-1", true)
	s.acked("same", `{"type":"tick"}`)
	if got := n.value("c-1", "n"); got != "1" {
		t.Fatalf("after a restart: ran %s times", got)
	}
}

func TestThrowDiscardsWritesAndCommandsKeepsLines(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("thrower", `
export default { async onMessage(m: unknown, env: any) {
  await env.DEVICE.kv.put("k", 1);
  await env.DEVICE.send({ type: "never" });
  console.log("plain", 1, "text");
  throw new TypeError("no good", { cause: new Error("root") });
} };`, "x-1")
	s := n.connect("x-1", true)
	if ack := s.acked("m", `{"type":"go"}`); ack["status"] != "error" {
		t.Fatalf("ack: %v", ack)
	}
	if got := n.value("x-1", "k"); got != "" {
		t.Fatalf("write stayed: %s", got)
	}
	rows := n.rows("x-1", 2)
	var line, failed logs.Row
	_ = json.Unmarshal(rows[0], &line)
	_ = json.Unmarshal(rows[1], &failed)
	if line.Message != "plain 1 text" || line.Level != "info" {
		t.Fatalf("line: %s", rows[0])
	}
	e := failed.Error
	if e == nil || e.Name != "TypeError" || e.Message != "no good" || e.File != "thrower.ts" || e.Line != 6 || e.Cause == nil || e.Cause.Message != "root" {
		t.Fatalf("error row: %s", rows[1])
	}
	s.say(`{"type":"go","$id":"again"}`)
	if f := s.hear(); f.kind() != "$ack" {
		t.Fatalf("a command of a failed event left: %v", f)
	}
}

func TestLoopingHandlerEndsAloneWithOneError(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("mixed", `export default { onMessage(m, env) { if (m.loop) for (;;) {} return env.DEVICE.send({ type: "pong" }); } };`, "bad", "good")
	bad, good := n.connect("bad", true), n.connect("good", true)
	begun := time.Now()
	bad.say(`{"type":"go","loop":true,"$id":"m"}`)
	for range 20 {
		good.say(`{"type":"ping"}`)
		good.hearKind("pong")
	}
	if ack := bad.hearKind("$ack"); ack["status"] != "error" {
		t.Fatalf("ack: %v", ack)
	}
	if took := time.Since(begun); took > 3*time.Second { // one second, under load and race detector
		t.Errorf("took %v", took)
	}
	rows := n.rows("bad", 1)
	if len(rows) != 1 || !strings.Contains(string(rows[0]), `"limit":"cpu"`) {
		t.Fatalf("rows: %s", rows)
	}
}

func TestMessageWithoutLiveVersionIsRetriedOrLogged(t *testing.T) {
	t.Parallel()
	n := start(t)
	made, err := n.CreateDevice(t.Context(), "home", newDevice("d-1", "later"))
	if err != nil {
		t.Fatal(err)
	}
	if made.Warning == "" {
		t.Error("no warning about an unknown script")
	}
	s := n.connect("d-1", true)
	if ack := s.acked("m", `{"type":"go"}`); ack["status"] != "retry" {
		t.Fatalf("ack: %v", ack)
	}
	s.say(`{"type":"go"}`)
	if rows := n.rows("d-1", 1); !strings.Contains(string(rows[0]), `"level":"warn"`) {
		t.Fatalf("rows: %s", rows)
	}
	n.deploy("later", `export default { onMessage() {} };`)
	if ack := s.acked("m", `{"type":"go"}`); ack["status"] != "ok" {
		t.Fatalf("after the deploy: %v", ack)
	}
}

func TestRequestWaitsForItsReply(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("asker", `export default { async onMessage(m, env) {
		const reply = await env.DEVICE.request({ type: "gpio_read", pin: 4 }, { timeout: m.timeout ?? 5000 });
		await env.DEVICE.kv.put("pin", reply.value);
	} };`, "a-1")
	s := n.connect("a-1", true)
	s.say(`{"type":"go","$id":"m"}`)
	ask := s.hearKind("gpio_read")
	id, _ := ask["$id"].(string)
	if !strings.HasPrefix(id, "r-") {
		t.Fatalf("request: %v", ask)
	}
	s.say(`{"type":"gpio_value","$re":"` + id + `","value":7}`)
	if ack := s.hearKind("$ack"); ack["status"] != "ok" {
		t.Fatalf("ack: %v", ack)
	}
	if got := n.value("a-1", "pin"); got != "7" {
		t.Fatalf("pin = %s", got)
	}
	s.say(`{"type":"go","$id":"m2","timeout":20}`)
	s.hearKind("gpio_read")
	if ack := s.hearKind("$ack"); ack["error"].(map[string]any)["name"] != "RequestTimeoutError" {
		t.Fatalf("ack: %v", ack)
	}
}

func TestOfflineCommandsWaitInTheOutbox(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("quiet", `export default { onMessage() {} };`, "q-1")
	for i, key := range []string{"", "k", "k", ""} {
		sent, err := n.Send(t.Context(), "home", "q-1", newCommand(i, key))
		if err != nil || sent.State != "queued" {
			t.Fatalf("send: %v %v", sent, err)
		}
	}
	n.kill()
	n.boot()
	s := n.connect("q-1", true)
	var got []any
	for range 3 {
		got = append(got, s.hearKind("cmd")["i"])
	}
	if got[0] != 0.0 || got[1] != 2.0 || got[2] != 3.0 {
		t.Fatalf("delivered %v", got)
	}
	s.acked("sync", `{"type":"x"}`)
	eventually(t, func() bool { // acknowledged commands are not delivered again
		again := n.connect("q-1", true)
		return again.acked("sync", `{"type":"x"}`) != nil && len(again.frames) == 0
	})
}

func TestNoChildOutlivesTheServer(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("needs /proc")
	}
	n := start(t)
	n.deploy("quiet", `export default { onMessage() {} };`, "q-1")
	children := childrenOf(t, n.cmd.Process.Pid)
	if len(children) == 0 {
		t.Fatal("the server has no children")
	}
	n.kill()
	eventually(t, func() bool {
		for _, pid := range children {
			if alive(pid) {
				return false
			}
		}
		return true
	})
}
