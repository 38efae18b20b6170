package ws

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// filled is a message of exactly n bytes.
func filled(n int) string {
	const frame = `{"type":"r","s":""}`
	return `{"type":"r","s":"` + strings.Repeat("x", n-len(frame)) + `"}`
}

func TestMessagesUpToTheLimitAreTaken(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.connect("device-1")
	for _, n := range []int{100, 2 << 10, 2<<10 + 1, 64<<10 - 1, 64 << 10} {
		d.say(filled(n))
		if got := d.hear(); got != filled(n) {
			t.Errorf("%d bytes came back as %d", n, len(got))
		}
	}
}

func TestMessagesOverTheLimitCloseWith1009(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, n := range []int{64<<10 + 1, 1 << 20, 8 << 20} {
		d := h.connect("device-1")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_ = d.Write(t.Context(), wire.Frame{Data: []byte(filled(n))}) // the server may be gone before its end
		}()
		if got := d.closed(); got != 1009 {
			t.Errorf("%d bytes: closed with %d", n, got)
		}
		d.Drop()
		<-sent
	}
}

func TestInvalidUTF8ClosesWith1007(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, bad := range []string{"\xff", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82"} {
		d := h.connect("device-1")
		d.say(`{"type":"r","s":"` + bad + `"}`)
		if got := d.closed(); got != 1007 {
			t.Errorf("%q: closed with %d", bad, got)
		}
	}
}

func TestBinaryClosesWith1003(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.connect("device-1")
	if err := d.Write(t.Context(), wire.Frame{Binary: true, Data: []byte(`{"type":"r"}`)}); err != nil {
		t.Fatal(err)
	}
	if got := d.closed(); got != 1003 {
		t.Errorf("closed with %d", got)
	}
}

func TestPingsAreSentAndKeepAConnectionAlive(t *testing.T) {
	t.Parallel()
	h := open(t, func(_ *Handler, l *wire.Limits) { l.Ping, l.Idle = 100*time.Millisecond, 4*time.Second })
	d := h.connect("device-1")
	// The client answers pings only while it reads; it hears nothing else.
	heard := make(chan string, 1)
	go func() {
		f, err := d.Read(t.Context())
		heard <- fmt.Sprint(string(f.Data), err)
	}()
	deadline := time.After(6 * time.Second)
	select {
	case got := <-heard:
		t.Fatalf("the connection ended: %s", got)
	case <-deadline:
	}
	d.say(`{"type":"still here"}`)
	if got := <-heard; !strings.Contains(got, "still here") {
		t.Errorf("heard %s", got)
	}
}

func TestSilentPeersAreClosed(t *testing.T) {
	t.Parallel()
	h := open(t, func(_ *Handler, l *wire.Limits) { l.Ping, l.Idle = 100*time.Millisecond, 500*time.Millisecond })
	p := h.peer("device-1", "")
	start := time.Now()
	if got := p.closed(); got != 1008 {
		t.Errorf("closed with %d", got)
	}
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
}

// peer is a connection whose bytes a test writes itself. It answers nothing.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// peer connects and sends early right behind the request.
func (h *house) peer(token, early string) peer {
	h.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET /v1/connect HTTP/1.1\r\nhost: x\r\nauthorization:   Bearer %s\r\nconnection: keep-alive,  upgrade\r\n"+
		"upgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"sec-websocket-extensions: permessage-deflate; x=%%, ;;garbage\r\n\r\n%s", token, early)
	p := peer{h.t, c, bufio.NewReader(c)}
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-Websocket-Extensions") != "" {
		h.t.Fatalf("upgrade: %v, %v", resp, err)
	}
	return p
}

// raw builds a masked frame; head is the first byte.
func raw(head byte, payload string) string {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return string(b) + "\x00\x00\x00\x00" + payload
}

// next reads one frame of the server.
func (p peer) next() (opcode byte, payload []byte) {
	p.t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		p.t.Fatalf("no frame: %v", err)
	}
	n := int(head[1])
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(p.r, long[:]); err != nil {
			p.t.Fatal(err)
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(p.r, payload); err != nil {
		p.t.Fatal(err)
	}
	return head[0] & 15, payload
}

func (p peer) closed() int {
	p.t.Helper()
	for {
		if op, payload := p.next(); op == 8 {
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

func TestBrokenFramesCloseWithACode(t *testing.T) {
	t.Parallel()
	h := open(t)
	tests := []struct {
		name, bytes string
		code        int
	}{
		{"unmasked", "\x81\x02{}", 1002},
		{"RSV1", raw(0xC1, `{"type":"r"}`), 1002},
		{"RSV3", raw(0x91, `{"type":"r"}`), 1002},
		{"unknown opcode", raw(0x83, ``), 1002},
		{"continuation first", raw(0x80, `{}`), 1002},
		{"text inside a message", raw(0x01, `{"type"`) + raw(0x81, `{}`), 1002},
		{"long ping", raw(0x89, strings.Repeat("x", 126)), 1002},
		{"fragmented ping", raw(0x09, ``), 1002},
		{"close with a forbidden code", raw(0x88, "\x03\xed"), 1002},
		{"UTF-8 cut by the end", raw(0x01, "{\"a\":\"\xe2") + raw(0x80, "\x82"), 1007},
		{"many fragments", raw(0x01, `{`) + strings.Repeat(raw(0x00, ` `), 1100) + raw(0x80, `}`), 1008},
		{"normal close", raw(0x88, "\x03\xe8bye"), 1000},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := *h
			h.t = t
			p := h.peer(fmt.Sprintf("device-%d", i), "")
			go io.WriteString(p, tt.bytes)
			if got := p.closed(); got != tt.code {
				t.Errorf("closed with %d", got)
			}
		})
	}
}

func TestFramesSentBeforeTheAnswerAreHandled(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.peer("device-1", raw(0x81, `{"type":"early"}`)+raw(0x81, `{"type":"second"}`))
	for _, want := range []string{`"$welcome"`, `"early"`, `"second"`} {
		if _, got := p.next(); !strings.Contains(string(got), want) {
			t.Errorf("heard %s, want %s", got, want)
		}
	}
}

func TestControlFramesInsideAMessageAreAnswered(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.peer("device-1", "")
	p.next()
	go io.WriteString(p, raw(0x01, `{"type":`)+raw(0x89, "hi")+raw(0x8A, "unasked")+raw(0x00, ``)+raw(0x80, `"r"}`))
	if op, got := p.next(); op != 10 || string(got) != "hi" {
		t.Errorf("ping answered with %d %q", op, got)
	}
	if op, got := p.next(); op != 1 || string(got) != `{"type":"r"}` {
		t.Errorf("message came back as %d %q", op, got)
	}
}

func TestManyMessagesInOneSegmentStayInOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.peer("device-1", "")
	p.next()
	var all strings.Builder
	for i := range 1000 {
		all.WriteString(raw(0x81, fmt.Sprintf(`{"type":"r","$id":"m-%d"}`, i)))
	}
	go io.WriteString(p, all.String())
	for i := range 1000 {
		for {
			_, got := p.next()
			if want := fmt.Sprintf(`{"type":"$ack","$id":"m-%d","status":"ok"}`, i); string(got) == want {
				break
			} else if strings.Contains(string(got), "$ack") {
				t.Fatalf("heard %s, want %s", got, want)
			}
		}
	}
}

func TestFullInboxStopsTheSocketAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.connect("device-1")
	h.inbox.gate.Lock()
	const messages = 600
	var wrote sync.WaitGroup
	sent := make(chan int, messages)
	wrote.Go(func() {
		for i := range messages {
			if d.Write(t.Context(), wire.Frame{Data: []byte(fmt.Sprintf(`{"type":"r","$id":"m-%d","s":"%s"}`, i, strings.Repeat("x", 30<<10)))}) != nil {
				return
			}
			sent <- i
		}
	})
	// The kernel's buffers take some; then the writer stands still.
	for standing := false; !standing; {
		select {
		case i := <-sent:
			if i == messages-1 {
				t.Fatal("the socket took everything")
			}
		case <-time.After(500 * time.Millisecond):
			standing = true
		}
	}
	h.inbox.gate.Unlock()
	for i := range messages {
		got := d.hear()
		for !strings.HasPrefix(got, `{"type":"$ack"`) {
			got = d.hear()
		}
		if want := fmt.Sprintf(`{"type":"$ack","$id":"m-%d","status":"ok"}`, i); got != want {
			t.Fatalf("heard %s, want %s", got, want)
		}
	}
	wrote.Wait()
}

func TestOfManyConnectsOfOneDeviceOneStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	const n = 50
	ends := make(chan int, n)
	clients := make(chan *Client, n)
	for range n {
		go func() {
			c, err := Dial(t.Context(), h.url, DialOptions{Token: "device-1", Subprotocols: []string{"tendril.v1.json"}})
			if err != nil {
				t.Error(err)
				ends <- -1
				return
			}
			clients <- c
			_ = c.Write(t.Context(), wire.Frame{Data: []byte(`{"type":"$hello"}`)})
			for {
				if _, err := c.Read(t.Context()); err != nil {
					ends <- CloseCode(err)
					return
				}
			}
		}()
	}
	for i := range n - 1 {
		select {
		case code := <-ends:
			if code != 4001 {
				t.Errorf("closed with %d", code)
			}
		case <-time.After(patience):
			t.Fatalf("%d connections were closed", i)
		}
	}
	if !h.hub.Connected(device.Key{Project: "p", ID: "device-1"}) || h.hub.Count() != 1 {
		t.Errorf("%d sessions left", h.hub.Count())
	}
	h.hub.Disconnect(device.Key{Project: "p", ID: "device-1"}, wire.CloseDeleted, "device deleted")
	if code := <-ends; code != 4004 {
		t.Errorf("the last one was closed with %d", code)
	}
	for range n {
		(<-clients).Drop()
	}
}
