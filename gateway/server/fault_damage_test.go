package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestADamagedDatabaseEndsTheServerWithAClearMessage flips the first byte of one
// page after the other, until a start was refused and a running server has ended
// at the first use of what is damaged.
func TestADamagedDatabaseEndsTheServerWithAClearMessage(t *testing.T) {
	t.Parallel()
	const page = 4096
	n := start(t)
	n.deploy("app", `export default { async onMessage(m, env) {
		await env.DEVICE.kv.put("n", 1);
		await env.DEVICE.send({ type: "kept" }, { durable: true });
	} };`, "porch")
	token := n.token("porch")
	if err := n.terminate(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(n.data, "tendril.db")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	atStart, atUse := 0, 0
	for at := len(good) - page; at > 0 && (atStart == 0 || atUse == 0); at -= page {
		damaged := append([]byte(nil), good...)
		damaged[at] ^= 0xff
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.tryBoot(); err != nil {
			atStart++
		} else if n.endsWhenUsed(token) {
			atUse++
		} else {
			continue // this page was of no use to it, or is content, which is refused by itself
		}
		if code := n.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("page %d: exit code %d", at/page+1, code)
		}
		if said := n.out.String(); !strings.Contains(said, "error: ") || !strings.Contains(said, "the database is damaged") || !strings.Contains(said, file) {
			t.Errorf("page %d: the server said\n%s", at/page+1, said)
		}
	}
	if atStart == 0 || atUse == 0 {
		t.Errorf("%d were found at the start, %d at use", atStart, atUse)
	}
}

// endsWhenUsed connects a device and says a message. It is false when the message
// was answered and the server went on, until it was killed.
func (n *node) endsWhenUsed(token string) bool {
	n.t.Helper()
	ended := make(chan struct{})
	go func() {
		_ = n.cmd.Wait()
		close(ended)
	}()
	answered := make(chan struct{})
	if s, err := n.dial("porch", token); err == nil {
		go s.read(true)
		_ = s.write(`{"type":"$hello","acks":true}`) // it may be gone
		_ = s.write(`{"type":"tick","$id":"m1"}`)
		go func() {
			for f := range s.frames {
				if f.kind() == "$ack" && f["$id"] == "m1" {
					close(answered)
					return
				}
			}
		}()
	}
	select {
	case <-ended:
		return true
	case <-answered:
	case <-time.After(patience):
		n.t.Fatal("the message was not answered and the server goes on")
	}
	select {
	case <-ended: // right behind the answer
		return true
	case <-time.After(300 * time.Millisecond):
	}
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	<-ended
	return false
}
