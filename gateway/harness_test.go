package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// words is a dialect for tests: a frame is a line of words.
type words struct{}

func (words) Name() string                    { return "words" }
func (words) Capabilities() wire.Capabilities { return wire.Capabilities{Acks: true, RPC: true} }
func (words) New(wire.Limits) wire.Codec      { return words{} }

func (words) Decode(f wire.Frame) wire.Inbound {
	verb, rest, _ := strings.Cut(string(f.Data), " ")
	first, body, _ := strings.Cut(rest, " ")
	switch verb {
	case "hello":
		h := wire.Hello{Acks: first == "acks"}
		if body != "" {
			h.Metadata = []byte(body)
		}
		return h
	case "say":
		return wire.Message{ID: first, Body: []byte(body)}
	case "reply":
		return wire.Reply{Re: first, Result: []byte(body)}
	case "took":
		return wire.Ack{ID: first}
	case "register":
		return wire.Register{ID: first}
	case "fatal":
		return wire.Malformed{Code: "fatal", Fatal: true, Close: wire.CloseInvalid}
	}
	return wire.Malformed{Code: "bad", ID: first}
}

func (words) Encode(buf []byte, out wire.Outbound) (wire.Frame, bool) {
	switch o := out.(type) {
	case wire.Welcome:
		buf = fmt.Appendf(buf, "welcome %s", o.Device)
	case wire.Command:
		buf = fmt.Appendf(buf, "do %s%s", o.ID, o.Body)
	case wire.Acked:
		buf = fmt.Appendf(buf, "acked %s %s", o.ID, o.Status)
	case wire.Refused:
		if o.Code == "silent" {
			return wire.Frame{}, false
		}
		buf = fmt.Appendf(buf, "refused %s %s", o.Code, o.ID)
	}
	return wire.Frame{Data: buf}, true
}

// line is a Conn in memory.
type line struct {
	in     chan string // what the device says; closing it hangs up
	binary bool
	heard  func()

	mu      sync.Mutex
	out     []string
	writes  int           // calls
	stuck   chan struct{} // writes wait for it to be closed
	late    chan struct{} // closed when a stuck write succeeds after the end, nil for never
	room    int           // frames until writing fails; below 0 is no bound
	pings   []time.Time
	closing []string // what was said at the end
	gone    chan struct{}
}

func newLine() *line {
	return &line{in: make(chan string), gone: make(chan struct{}), room: -1}
}

func (l *line) OnActivity(heard func()) { l.heard = heard }

func (l *line) Read(context.Context) (wire.Frame, error) {
	select {
	case text, ok := <-l.in:
		if !ok {
			return wire.Frame{}, errors.New("hung up")
		}
		return wire.Frame{Binary: l.binary, Data: []byte(text)}, nil
	case <-l.gone:
		return wire.Frame{}, errors.New("closed")
	}
}

func (l *line) Write(ctx context.Context, f wire.Frame) error {
	_, err := l.WriteAll(ctx, []wire.Frame{f})
	return err
}

func (l *line) WriteAll(_ context.Context, frames []wire.Frame) (int, error) {
	l.mu.Lock()
	stuck, late := l.stuck, l.late
	l.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-l.gone:
			if late == nil {
				return 0, errors.New("closed")
			}
			<-late
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	for i, f := range frames {
		if l.room == 0 {
			return i, errors.New("broken pipe")
		}
		l.room--
		l.out = append(l.out, string(f.Data))
	}
	return len(frames), nil
}

func (l *line) Ping(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pings = append(l.pings, time.Now())
	return nil
}

func (l *line) Close(code wire.CloseCode, _ string) { l.end(fmt.Sprint("close ", int(code))) }
func (l *line) Drop()                               { l.end("drop") }

func (l *line) end(how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.closing) == 0 {
		close(l.gone)
	}
	l.closing = append(l.closing, how)
}

// ended is how the connection ended, "" while it lives.
func (l *line) ended() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.closing) == 0 {
		return ""
	}
	return l.closing[0]
}

func (l *line) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.out)
}

func (l *line) jam() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stuck = make(chan struct{})
	return l.stuck
}

// notebook is an Inbox and a Presence that writes everything down.
type notebook struct {
	full bool // Message blocks until its context ends

	mu        sync.Mutex
	notes     []string
	sessions  []*Session
	unwritten [][]Delivery
}

func (n *notebook) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, fmt.Sprintf(format, args...))
}

func (n *notebook) Ready(_ context.Context, s *Session) {
	n.note("ready %d", s.Generation())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions = append(n.sessions, s)
}
func (n *notebook) Message(ctx context.Context, s *Session, m wire.Message) {
	n.note("message %s %s", m.ID, m.Body)
	if n.full {
		<-ctx.Done()
		n.note("message %s given up", m.ID)
	}
}
func (n *notebook) Reply(_ *Session, r wire.Reply)    { n.note("reply %s %s", r.Re, r.Result) }
func (n *notebook) Acked(_ *Session, id string)       { n.note("acked %s", id) }
func (n *notebook) Written(_ *Session, d Delivery)    { n.note("written %d", d.Row) }
func (n *notebook) Online(k device.Key, _ int64)      { n.note("online %s", k.ID) }
func (n *notebook) Offline(k device.Key, _ int64)     { n.note("offline %s", k.ID) }
func (n *notebook) Metadata(k device.Key, obj []byte) { n.note("metadata %s", obj) }
func (n *notebook) Closed(s *Session, unwritten []Delivery, replaced bool) {
	n.note("closed %d replaced=%v", s.Generation(), replaced)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unwritten = append(n.unwritten, unwritten)
}

// taken returns the notes so far and forgets them.
func (n *notebook) taken() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	notes := n.notes
	n.notes = nil
	return notes
}

// peek returns the notes so far.
func (n *notebook) peek() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.notes)
}

func (n *notebook) session() *Session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[len(n.sessions)-1]
}

// bench is a hub in a bubble of fake time.
type bench struct {
	t   *testing.T
	hub *Hub
	*notebook
	serving sync.WaitGroup
}

func inBubble(t *testing.T, f func(b *bench)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := new(notebook)
		b := &bench{t: t, notebook: n, hub: NewHub(Config{Inbox: n, Presence: n})}
		f(b)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.hub.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		b.serving.Wait()
	})
}

var porch = device.Key{Project: "p", ID: "porch"}

// connect serves a connection of the device and waits until nothing moves.
func (b *bench) connect(helloFirst bool) *line {
	l := newLine()
	b.serve(context.Background(), porch, helloFirst, l)
	synctest.Wait()
	return l
}

func (b *bench) serve(ctx context.Context, key device.Key, helloFirst bool, c Conn) {
	b.serving.Go(func() {
		b.hub.Serve(ctx, Admission{Key: key, Dialect: words{}, HelloFirst: helloFirst}, c)
	})
}

// until waits for what other goroutines bring about, in real time.
func (b *bench) until(ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("nothing happens after %q", b.peek())
		}
	}
}

// say lets the device say a line and waits until nothing moves.
func (b *bench) say(l *line, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		select {
		case l.in <- text:
		case <-l.gone:
			b.t.Fatalf("%q: the connection has ended: %s", text, l.ended())
		}
		synctest.Wait()
	}
}

func (b *bench) want(what string, got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
