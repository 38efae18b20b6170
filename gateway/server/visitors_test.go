package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/server"
	"github.com/tendril-run/tendril/gateway/ws"
)

func TestSixtyFifthVisitorWaitsAndIsServed(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	s.HTTP.CloseIdleConnections()
	token := s.addDevice("lamp")
	// This client shows a valid token: it is no visitor.
	if _, err := s.Projects(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	var half []*wireTo
	for range 64 {
		c := s.raw()
		c.send("GET /health HTTP/1.1\r\nHost: localhost\r\n")
		half = append(half, c)
	}
	late := s.raw()
	late.send(upgrade(s.addr, token))
	answered := make(chan said, 1)
	go func() { answered <- late.heard("GET") }()
	select {
	case got := <-answered:
		t.Fatalf("the 65th is not kept waiting: %d", got.status)
	case <-time.After(200 * time.Millisecond):
	}
	if _, err := s.Projects(t.Context(), 0, 0); err != nil {
		t.Errorf("who was admitted waits too: %v", err)
	}
	half[0].send("\r\n")
	if got := half[0].heard("GET"); got.status != 200 || !got.close {
		t.Errorf("the first of the 64: %d, closes %v", got.status, got.close)
	}
	select {
	case got := <-answered:
		if got.status != 101 {
			t.Errorf("the 65th: %d", got.status)
		}
	case <-time.After(3 * time.Second):
		t.Error("the 65th waits although there is room")
	}
}

func TestIdleVisitorsMakeRoom(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	var idle []*wireTo
	for i := range 200 {
		c := s.raw()
		c.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if got := c.heard("GET"); got.status != 200 {
			t.Fatalf("visitor %d: %d", i, got.status)
		}
		idle = append(idle, c)
	}
	gone := 0
	for _, c := range idle {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if c.over() {
			gone++
		}
	}
	if gone < 200-64 || gone > 200-60 {
		t.Errorf("%d of 200 idle visitors were let go", gone)
	}
}

func TestAdmittedDevicesCountInTotalOnly(t *testing.T) {
	t.Parallel()
	s := serveInside(t, func(c *server.Config) { c.MaxConnections = 101 })
	s.HTTP.CloseIdleConnections()
	tokens := make([]string, 104)
	for i := range tokens {
		tokens[i] = s.addDevice(fmt.Sprint("d", i))
	}
	connect := func(token string) (*ws.Client, error) {
		c, err := ws.Dial(context.Background(), "ws://"+s.addr+"/v1/connect", ws.DialOptions{Token: token})
		if err == nil {
			t.Cleanup(c.Drop)
		}
		return c, err
	}
	// One place is the REST client's.
	var last *ws.Client
	for i, token := range tokens[:100] {
		c, err := connect(token)
		if err != nil {
			t.Fatalf("device %d: %v", i, err)
		}
		last = c
	}
	_, err := connect(tokens[100])
	var refused *ws.RefusedError
	if !errors.As(err, &refused) || refused.Status != 503 || refused.Code != "unavailable" {
		t.Fatalf("one too many: %v", err)
	}
	if _, err := s.Projects(t.Context(), 0, 0); err != nil {
		t.Errorf("an operator: %v", err)
	}
	for range 3 {
		if got := s.ask("GET", s.head("GET /v1/projects")); got.status != 200 || !got.close {
			t.Errorf("another operator: %d, closes %v", got.status, got.close)
		}
	}
	last.Drop()
	eventually(t, func() bool {
		_, err := connect(tokens[101])
		return err == nil
	})
}

// drip sends a text a byte at a time until the other side hangs up, and says how
// long that took.
func (c *wireTo) drip(text string, pace time.Duration) time.Duration {
	c.t.Helper()
	begun := time.Now()
	closed := make(chan struct{})
	go func() { // until the end of the connection
		defer close(closed)
		for !c.over() {
		}
	}()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-closed:
			return time.Since(begun)
		case <-tick.C:
			if i < len(text) {
				c.send(text[i : i+1])
			}
		}
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.write("first")
	s := serveInside(t, nil)
	secure := serveInside(t, func(c *server.Config) { c.TLSCert, c.TLSKey = p.cert, p.key })
	post := "POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n"
	long := string(make([]byte, 4000))
	var all sync.WaitGroup
	for name, c := range map[string]struct {
		s           *inside
		begin, drip string
		least, most time.Duration
	}{
		"silent":          {s, "", "", 4 * time.Second, 6 * time.Second},
		"head":            {s, "", post, 4 * time.Second, 6 * time.Second},
		"second head":     {s, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", post, 4 * time.Second, 7 * time.Second},
		"handshake":       {s, "", upgrade(s.addr, "tdt_x"), 4 * time.Second, 6 * time.Second},
		"silent TLS":      {secure, "", "", 4 * time.Second, 6 * time.Second},
		"TLS":             {secure, "\x16\x03\x01", "\x02\x00\x01\x00\x01\xfc\x03\x03", 4 * time.Second, 6 * time.Second},
		"body":            {s, post + "Authorization: Bearer " + s.Token + "\r\n\r\n", long, 14 * time.Second, 17 * time.Second},
		"unread body":     {s, post + "\r\n", long, 0, 17 * time.Second},
		"chunked body":    {s, "POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer " + s.Token + "\r\n\r\nfff\r\n", long, 14 * time.Second, 17 * time.Second},
		"body of nowhere": {s, "PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n", long, 0, 17 * time.Second},
	} {
		w := dialRaw(t, c.s.addr)
		all.Go(func() {
			w.send(c.begin)
			if took := w.drip(c.drip, 100*time.Millisecond); took < c.least || took > c.most {
				t.Errorf("%s: cut after %v", name, took)
			}
		})
	}
	all.Wait()
}
