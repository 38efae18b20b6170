package server_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// parrot counts what it hears and keeps the newest message.
const parrot = `export default { async onMessage(m, env) {
	await env.DEVICE.kv.put("last", m);
	await env.DEVICE.kv.put("n", ((await env.DEVICE.kv.get("n")) ?? 0) + 1);
	if (m.log !== undefined) console.warn(m.log);
} };`

// victim is a server that bad input is thrown at.
type victim struct {
	*node
	address string
	token   string // of the device "prey"
	calm    vitals
	shown   []string // everything that it answered
	secrets []string // what is never to be seen
}

// newVictim starts a server and notes what it holds while nothing happens.
func newVictim(t *testing.T, env ...string) *victim {
	t.Helper()
	v := &victim{node: start(t, env...)}
	v.deploy("parrot", parrot, "prey", "other")
	v.token, v.address = v.node.token("prey"), strings.TrimPrefix(v.URL, "http://")
	v.secrets = []string{v.token, v.Token}
	for i := range 5 { // what is made once is there from now on
		v.serves(t, fmt.Sprint("calm-", i))
	}
	v.value("prey", "n")
	v.calm = v.vitals(t)
	t.Cleanup(func() { v.farewell(t) })
	return v
}

// What a server may hold more than before all the bad input: timers and idle
// connections of the test's own client, caches that fill once.
const (
	moreGoroutines = 4
	moreHeap       = 4 << 20
)

// unharmed checks after bad input that the next valid request on a fresh
// connection works, that the process is the same and that it holds no more than
// before.
func (v *victim) unharmed(t *testing.T) {
	t.Helper()
	v.serves(t, "after-"+t.Name()[max(0, len(t.Name())-50):])
	var now vitals
	eventually(t, func() bool {
		now = v.vitals(t)
		return now.goroutines <= v.calm.goroutines+moreGoroutines && now.heap <= v.calm.heap+moreHeap || t.Context().Err() != nil
	})
}

// serves lets the device say a message and be acknowledged.
func (v *victim) serves(t *testing.T, id string) {
	t.Helper()
	r := v.upgrade(t)
	r.say(fmt.Sprintf(`{"type":"r","$id":%q}`, id))
	if got := r.hearKind("$ack"); got["$id"] != id || got["status"] != "ok" {
		t.Fatalf("a valid message is answered with %v", got)
	}
	r.send(rawFrame(0x88, "\x03\xe8"))
	if code := r.closed(); code != 1000 {
		t.Fatalf("a valid close is answered with %d", code)
	}
}

// farewell ends the server and looks for secrets in what it said.
func (v *victim) farewell(t *testing.T) {
	if err := v.terminate(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	for _, said := range append(v.shown, v.out.String()) {
		for _, secret := range v.secrets {
			if strings.Contains(said, secret) {
				t.Errorf("a secret is told: %.200s", said)
			}
		}
	}
	if said := v.out.String(); strings.Contains(said, "panic") || strings.Contains(said, "goroutine ") {
		t.Errorf("the server panicked:\n%s", said)
	}
}

// raw is a connection whose bytes a test writes itself.
type raw struct {
	t testing.TB
	v *victim
	net.Conn
	r *bufio.Reader
}

// open connects and sends a text.
func (v *victim) open(t testing.TB, text string) raw {
	t.Helper()
	c, err := net.Dial("tcp", v.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	r := raw{t, v, c, bufio.NewReader(c)}
	r.send(text)
	return r
}

// request is a correct upgrade with the lines of a test in place of those of the
// same name; a line that ends with its colon removes.
func (v *victim) request(lines ...string) string {
	head := []string{
		"Host: " + v.address, "Authorization: Bearer " + v.token, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	var b strings.Builder
	b.WriteString("GET /v1/connect HTTP/1.1\r\n")
	for _, line := range head {
		name, _, _ := strings.Cut(line, ":")
		replaced := false
		for _, other := range lines {
			given, _, _ := strings.Cut(other, ":")
			replaced = replaced || strings.EqualFold(name, given)
		}
		if !replaced {
			b.WriteString(line + "\r\n")
		}
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, ":") {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

// upgrade opens a device's connection that is ready, and hears its welcome.
func (v *victim) upgrade(t testing.TB, lines ...string) raw {
	t.Helper()
	r := v.open(t, v.request(lines...))
	if status, _ := r.answer(); status != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade answered with %d", status)
	}
	if f := r.hear(); f.kind() != "$welcome" {
		t.Fatalf("first frame: %v", f)
	}
	return r
}

// answer reads an HTTP answer; the status is 0 when the connection was closed
// without one.
func (r raw) answer() (status int, header http.Header) {
	r.t.Helper()
	resp, err := http.ReadResponse(r.r, nil)
	if err != nil {
		r.wantGone(err)
		return 0, nil
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			r.t.Errorf("body of a %d: %v", resp.StatusCode, err)
		}
		r.v.shown = append(r.v.shown, string(body))
	}
	return resp.StatusCode, resp.Header
}

func (r raw) wantGone(err error) {
	r.t.Helper()
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		r.t.Fatal("the server neither answers nor closes")
	}
}

// send writes bytes. The server may have closed before their end.
func (r raw) send(text string) { _, _ = io.WriteString(r.Conn, text) }

func (r raw) say(text string) { r.send(rawFrame(0x81, text)) }

// rawFrame is a masked frame; head is its first byte.
func rawFrame(head byte, payload string) string {
	mask := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

// next reads one frame of the server. The opcode is 0 when the connection was
// closed without one.
func (r raw) next() (opcode byte, payload []byte) {
	r.t.Helper()
	head := make([]byte, 2, 4)
	if _, err := io.ReadFull(r.r, head); err != nil {
		r.wantGone(err)
		return 0, nil
	}
	n := int(head[1])
	if n == 126 {
		head = head[:4]
		_, _ = io.ReadFull(r.r, head[2:])
		n = int(binary.BigEndian.Uint16(head[2:]))
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r.r, payload); err != nil {
		r.t.Fatalf("frame cut off: %v", err)
	}
	r.v.shown = append(r.v.shown, string(payload))
	return head[0] & 15, payload
}

// hear reads the next text frame.
func (r raw) hear() (f frame) {
	r.t.Helper()
	for {
		switch op, payload := r.next(); op {
		case 1:
			if err := json.Unmarshal(payload, &f); err != nil {
				r.t.Fatalf("not JSON: %s", payload)
			}
			return f
		case 8:
			r.t.Fatalf("closed with %q", payload)
		case 0:
			r.t.Fatal("closed without a code")
		}
	}
}

func (r raw) hearKind(kind string) frame {
	r.t.Helper()
	for {
		if f := r.hear(); f.kind() == kind {
			return f
		}
	}
}

// closed reads to the close frame, and to the end behind it, closes and returns
// the code: 0 where the connection ended without one, 1005 for a frame without one.
func (r raw) closed() int {
	r.t.Helper()
	defer r.Close()
	for {
		op, payload := r.next()
		switch {
		case op == 0:
			return 0
		case op != 8:
			continue
		}
		if rest, err := io.ReadAll(r.r); err != nil || len(rest) > 0 {
			r.t.Errorf("behind the close frame: %q, %v", rest, err)
		}
		if len(payload) < 2 {
			return 1005
		}
		return int(binary.BigEndian.Uint16(payload))
	}
}

// count is how many messages of the device took effect.
func (v *victim) count(device string) string { return v.value(device, "n") }
