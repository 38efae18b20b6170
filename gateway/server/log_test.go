package server_test

import (
	"strings"
	"syscall"
	"testing"
)

// TestTheLogHasALineForWhatHappensAndNothingOfWhatWasSaid looks at the server's
// own log after connections, deployments, a refusal burst, a killed worker and a
// drain, in all of which a secret was said.
func TestTheLogHasALineForWhatHappensAndNothingOfWhatWasSaid(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	n := start(t)
	n.deploy("app", `export default { async onMessage(m, env) {
		console.error("secret", m.text);
		await env.DEVICE.kv.put(m.text, m.text);
		await env.DEVICE.send({ type: m.text });
		if (m.fail) throw new Error(m.text);
	} };`, "porch", "attic")
	s := n.connect("porch", true)
	s.acked("m1", `{"type":"tick","text":"`+secret+`"}`)
	s.acked(secret, `{"type":"tick","text":"`+secret+`","fail":true}`)
	s.conn.Close(1000, secret)
	loud := n.connect("attic", true)
	for range 20 {
		loud.say(`{"` + secret + `":`)
	}
	if code := loud.closed(); code != 1008 {
		t.Fatalf("closed with %d", code)
	}
	for _, pid := range childrenOf(t, n.cmd.Process.Pid)[:1] {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	eventually(t, func() bool { return n.metrics()[`tendril_worker_ends_total{rule="signalled"}`] >= 1 })
	if err := n.terminate(); err != nil {
		t.Fatal(err)
	}
	said := n.out.String()
	for text, want := range map[string]int{
		"msg=connection": 2, "code=1008": 1, `msg="worker ended"`: 1, "msg=deployed": 1, "msg=listening": 1, "msg=drained": 1,
	} {
		if got := strings.Count(said, text); got != want {
			t.Errorf("%q is there %d times, want %d", text, got, want)
		}
	}
	if strings.Contains(said, secret) {
		t.Error("the log repeats what was said")
	}
}
