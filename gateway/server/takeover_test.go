package server_test

import "testing"

// TestTakeoverKeepsTheOrderOfCommands connects again while an event is on the
// CPU: what that event sends must not overtake what the older session was sent
// and did not acknowledge.
func TestTakeoverKeepsTheOrderOfCommands(t *testing.T) {
	t.Parallel()
	n := start(t)
	devices := names("o-", 10)
	n.deploy("three", `export default { onMessage(m, env) {
		for (const begun = Date.now(); Date.now() - begun < m.spin;);
		for (let i = 0; i < 3; i++) env.DEVICE.send({ type: "n", n: m.n + i });
	} };`, devices...)
	for _, d := range devices {
		token := n.token(d)
		silent := func() *socket { // with acknowledgements, and never gives one
			s, err := n.dial(d, token)
			if err != nil {
				t.Fatal(err)
			}
			s.say(`{"type":"$hello","acks":true}`)
			go s.read(false)
			return s
		}
		old := silent()
		old.say(`{"type":"go","n":0,"spin":0}`)
		for range 3 {
			old.hearKind("n")
		}
		const second = `{"type":"go","$id":"m-2","n":3,"spin":25}`
		old.say(second)
		s := silent()
		s.say(second) // the older session may have ended before it was heard
		for want := range 6 {
			if f := s.hearKind("n"); f["n"] != float64(want) {
				t.Fatalf("%s: command %v where %d was due", d, f["n"], want)
			}
		}
	}
}
