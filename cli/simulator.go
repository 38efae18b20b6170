package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
)

const (
	maxHeard     = 256 // commands that wait to be expected
	remembered   = 64  // ids of commands taken, to drop repeats
	dialTimeout  = 10 * time.Second
	frameTimeout = 10 * time.Second
)

// simulator is one simulated device of the native dialect. It acknowledges every
// command, drops repeats, and gives its messages ids, so that the gateway
// acknowledges them.
type simulator struct {
	id   string
	run  string // makes message ids of different runs differ
	dial func(context.Context) (gateway.Conn, error)
	// said and heard are shown every frame, event what else happens. They are called
	// by the caller of the simulator and by its reader.
	said, heard func(device string, frame []byte)
	event       func(device, format string, args ...any)

	sent int // messages that were given an id
	link *link

	mu      sync.Mutex
	waiting [][]byte            // commands heard and not yet expected
	deaf    bool                // nobody expects commands any more
	lost    bool                // waiting was full
	taken   []string            // ids of commands, newest last
	open    map[string]struct{} // messages not acknowledged yet
	failed  int                 // messages whose handler failed
	news    chan struct{}       // closed and replaced when any of these changes
}

// link is one connection; its reader ends when the connection does.
type link struct {
	conn    gateway.Conn
	write   sync.Mutex
	leaving atomic.Bool // we close it
	done    chan struct{}
}

func newSimulator(id, run string, dial func(context.Context) (gateway.Conn, error)) *simulator {
	nothing := func(string, []byte) {}
	return &simulator{
		id: id, run: run, dial: dial, said: nothing, heard: nothing, event: func(string, string, ...any) {},
		open: map[string]struct{}{}, news: make(chan struct{}),
	}
}

func (s *simulator) connected() bool {
	if s.link == nil {
		return false
	}
	select {
	case <-s.link.done:
		return false
	default:
		return true
	}
}

// connect opens the connection and says hello. The reader that it starts ends
// with the connection.
func (s *simulator) connect(ctx context.Context) error {
	if s.connected() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := s.dial(limited)
	if err != nil {
		return fmt.Errorf("connect %s: %w", s.id, err)
	}
	welcome, err := conn.Read(limited)
	if err != nil {
		conn.Drop()
		return fmt.Errorf("connect %s: %w", s.id, err)
	}
	s.event(s.id, "connected")
	s.heard(s.id, welcome.Data)
	s.mu.Lock()
	clear(s.open) // what the last connection left open is never acknowledged
	s.mu.Unlock()
	l := &link{conn: conn, done: make(chan struct{})}
	s.link = l
	go s.read(l)
	hello, err := json.Marshal(struct {
		Type string `json:"type"`
		native.HelloFrame
	}{"$hello", native.HelloFrame{Acks: true, Metadata: json.RawMessage(`{"name":"simulated device"}`)}})
	if err != nil {
		return err
	}
	return s.write(l, hello)
}

// disconnect closes the connection and waits for its reader.
func (s *simulator) disconnect() {
	if s.link == nil {
		return
	}
	if s.connected() {
		s.link.leaving.Store(true)
		s.link.conn.Close(wire.CloseNormal, "")
		s.event(s.id, "disconnected")
	}
	<-s.link.done
}

// send says a message as it is written, with an id unless it has one.
func (s *simulator) send(frame []byte) error {
	if !s.connected() {
		return fmt.Errorf("%s is not connected", s.id)
	}
	frame, id := s.withID(frame)
	if id != "" {
		s.mu.Lock()
		s.open[id] = struct{}{}
		s.mu.Unlock()
	}
	s.said(s.id, frame)
	return s.write(s.link, frame)
}

// withID gives a message an id. Frames of the envelope and replies have none.
func (s *simulator) withID(frame []byte) (_ []byte, id string) {
	var e struct {
		Type string           `json:"type"`
		ID   *json.RawMessage `json:"$id"`
		Re   *json.RawMessage `json:"$re"`
	}
	if json.Unmarshal(frame, &e) != nil || e.Re != nil || strings.HasPrefix(e.Type, "$") {
		return frame, ""
	}
	if e.ID != nil {
		_ = json.Unmarshal(*e.ID, &id)
		return frame, id
	}
	s.sent++
	id = fmt.Sprintf("%s-%d", s.run, s.sent)
	body := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(frame)), "}"))
	comma := ","
	if body == "{" {
		comma = ""
	}
	return fmt.Appendf(nil, `%s%s"$id":%q}`, body, comma, id), id
}

func (s *simulator) write(l *link, frame []byte) error {
	l.write.Lock()
	defer l.write.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), frameTimeout)
	defer cancel()
	if err := l.conn.Write(ctx, wire.Frame{Data: frame}); err != nil {
		return fmt.Errorf("write to the gateway as %s: %w", s.id, err)
	}
	return nil
}

// changed changes what the lock guards, and wakes those who wait for news.
func (s *simulator) changed(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.news)
	s.news = make(chan struct{})
}
