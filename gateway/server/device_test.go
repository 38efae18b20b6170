package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/ws"
)

// frame is a decoded frame of the native dialect.
type frame map[string]any

func (f frame) kind() string { s, _ := f["type"].(string); return s }

// socket is one connection of a device.
type socket struct {
	t      testing.TB
	conn   *ws.Client
	frames chan frame // what was heard; closed at the end
	ended  atomic.Bool
	code   int // of the close, once ended

	mu sync.Mutex // guards writes
}

// connect opens a device's socket and says hello. With acks the device
// acknowledges every command it hears.
func (n *node) connect(device string, acks bool) *socket {
	n.t.Helper()
	s, err := n.dial(device, n.token(device))
	if err != nil {
		n.t.Fatalf("connect %s: %v", device, err)
	}
	s.say(fmt.Sprintf(`{"type":"$hello","acks":%t}`, acks))
	go s.read(acks)
	if f := s.hear(); f.kind() != "$welcome" {
		n.t.Fatalf("first frame: %v", f)
	}
	return s
}

// token makes a device's token; the previous one stays valid.
func (n *node) token(device string) string {
	n.t.Helper()
	t, err := n.IssueToken(n.t.Context(), "home", device, true)
	if err != nil {
		n.t.Fatalf("token of %s: %v", device, err)
	}
	return t.Token
}

func (n *node) dial(_, token string) (*socket, error) {
	url := strings.Replace(n.URL, "http://", "ws://", 1) + "/v1/connect"
	conn, err := ws.Dial(context.Background(), url, ws.DialOptions{Token: token, Subprotocols: []string{"tendril.v1.json"}})
	if err != nil {
		return nil, err
	}
	n.t.Cleanup(conn.Drop)
	return &socket{t: n.t, conn: conn, frames: make(chan frame, 4096)}, nil
}

// read hears frames until the connection ends.
func (s *socket) read(acks bool) {
	defer close(s.frames)
	for {
		in, err := s.conn.Read(context.Background())
		if err != nil {
			s.code = ws.CloseCode(err)
			s.ended.Store(true)
			return
		}
		var f frame
		if err := json.Unmarshal(in.Data, &f); err != nil {
			s.t.Errorf("not JSON: %s", in.Data)
			return
		}
		if id, ok := f["$id"].(string); ok && acks && !strings.HasPrefix(f.kind(), "$") && strings.HasPrefix(id, "c-") {
			_ = s.write(fmt.Sprintf(`{"type":"$ack","$id":%q}`, id))
		}
		s.frames <- f
	}
}

func (s *socket) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Write(context.Background(), wire.Frame{Data: []byte(text)})
}

// writeBefore writes a text, or gives up when its time is over.
func (s *socket) writeBefore(text string, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Write(ctx, wire.Frame{Data: []byte(text)})
}

// over says whether the connection has ended.
func (s *socket) over() bool { return s.ended.Load() }

func (s *socket) say(text string) {
	s.t.Helper()
	if err := s.write(text); err != nil {
		s.t.Fatalf("say %s: %v", text, err)
	}
}

// hear returns the next frame.
func (s *socket) hear() frame {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case f, open := <-s.frames:
		if !open {
			s.t.Fatalf("closed with %d", s.code)
		}
		return f
	case <-ctx.Done():
		s.t.Fatal("nothing to hear")
	}
	return nil
}

// hearKind skips frames until one of a type.
func (s *socket) hearKind(kind string) frame {
	s.t.Helper()
	for {
		if f := s.hear(); f.kind() == kind {
			return f
		}
	}
}

// closed waits for the end and returns its code.
func (s *socket) closed() int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		select {
		case _, open := <-s.frames:
			if !open {
				return s.code
			}
		case <-ctx.Done():
			s.t.Fatal("the connection stays open")
		}
	}
}

// acked says a message and waits for what became of it.
func (s *socket) acked(id, text string) frame {
	s.t.Helper()
	s.say(strings.Replace(text, "{", fmt.Sprintf(`{"$id":%q,`, id), 1))
	for {
		if f := s.hearKind("$ack"); f["$id"] == id {
			return f
		}
	}
}
