package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

// fakeGateway is the other end of a simulator's connections: it welcomes,
// acknowledges messages and answers those that its script knows.
type fakeGateway struct {
	answers map[string][]string // message type → commands
	status  string              // of acknowledgements
	silent  bool                // acknowledges nothing

	mu    sync.Mutex
	heard []map[string]any
}

func (g *fakeGateway) dial(context.Context) (gateway.Conn, error) {
	c := &fakeConn{gateway: g, frames: make(chan []byte, 1024), ended: make(chan struct{})}
	c.frames <- []byte(`{"type":"$welcome","device":"porch"}`)
	return c, nil
}

// types are the types of the frames heard.
func (g *fakeGateway) types() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var types []string
	for _, f := range g.heard {
		types = append(types, f["type"].(string))
	}
	return strings.Join(types, " ")
}

type fakeConn struct {
	gateway *fakeGateway
	frames  chan []byte
	ended   chan struct{}
	once    sync.Once
}

func (c *fakeConn) Read(ctx context.Context) (wire.Frame, error) {
	select {
	case f := <-c.frames:
		return wire.Frame{Data: f}, nil
	case <-c.ended:
		return wire.Frame{}, io.EOF
	case <-ctx.Done():
		return wire.Frame{}, ctx.Err()
	}
}

func (c *fakeConn) Write(_ context.Context, f wire.Frame) error {
	var frame map[string]any
	if err := json.Unmarshal(f.Data, &frame); err != nil {
		return err
	}
	c.gateway.mu.Lock()
	defer c.gateway.mu.Unlock()
	c.gateway.heard = append(c.gateway.heard, frame)
	kind, _ := frame["type"].(string)
	if id, ok := frame["$id"].(string); ok && kind[0] != '$' && !c.gateway.silent {
		for _, command := range c.gateway.answers[kind] {
			c.frames <- []byte(command)
		}
		c.frames <- []byte(`{"type":"$ack","$id":"` + id + `","status":"` + c.gateway.status + `"}`)
	}
	return nil
}

func (c *fakeConn) Ping(context.Context) error   { return nil }
func (c *fakeConn) Close(wire.CloseCode, string) { c.Drop() }
func (c *fakeConn) Drop()                        { c.once.Do(func() { close(c.ended) }) }

// play plays a transcript of one device against a gateway.
func play(t *testing.T, g *fakeGateway, limit time.Duration, lines ...string) (*simulator, error) {
	t.Helper()
	if g.status == "" {
		g.status = "ok"
	}
	acts, err := parseTranscript([]byte(strings.Join(lines, "\n")), porchAndAttic)
	if err != nil {
		t.Fatal(err)
	}
	s := newSimulator("porch", "run", g.dial)
	p := &player{acts: acts, devices: map[string]*simulator{"porch": s}, limit: limit}
	t.Cleanup(func() { p.leave() })
	return s, p.play(t.Context())
}

func TestTranscriptIsPlayed(t *testing.T) {
	t.Parallel()
	g := &fakeGateway{answers: map[string][]string{"reading": {`{"type":"fan","on":true,"$id":"c-1"}`}}}
	_, err := play(t, g, time.Minute,
		`{"send":{"type":"reading","celsius":31}}`,
		`{"expect":{"type":"fan"}}`,
		`{"disconnect":true}`,
		`{"connect":true}`,
		`{"send":{"type":"bye","$id":"mine"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.types(), "$hello reading $ack $hello bye"; got != want {
		t.Errorf("the gateway heard %q, want %q", got, want)
	}
	if g.heard[1]["$id"] != "run-1" || g.heard[2]["$id"] != "c-1" || g.heard[4]["$id"] != "mine" {
		t.Errorf("ids are wrong: %v", g.heard)
	}
}

func TestOtherCommandThanExpectedFailsWithItsLine(t *testing.T) {
	t.Parallel()
	g := &fakeGateway{answers: map[string][]string{"reading": {`{"type":"fan","on":false}`}}}
	_, err := play(t, g, time.Minute, `{"send":{"type":"reading"}}`, `{"expect":{"type":"fan","on":true}}`)
	var p problem
	if !errors.As(err, &p) || p.Line != 2 || p.File != transcriptFile {
		t.Fatalf("%+v", err)
	}
	for _, says := range []string{`{"type":"fan","on":true}`, `{"type":"fan","on":false}`, "$.on", "expected true, got false"} {
		if !strings.Contains(p.Frame, says) {
			t.Errorf("%q is missing in\n%s", says, p.Frame)
		}
	}
}

func TestExpectedCommandThatNeverComesFails(t *testing.T) {
	t.Parallel()
	_, err := play(t, &fakeGateway{}, 20*time.Millisecond, `{"expect":{"type":"fan"}}`)
	if err == nil || !strings.Contains(err.Error(), "no command within 20ms") {
		t.Error(err)
	}
}

func TestUnacknowledgedMessageFails(t *testing.T) {
	t.Parallel()
	_, err := play(t, &fakeGateway{silent: true}, 20*time.Millisecond, `{"send":{"type":"reading"}}`)
	if err == nil || !strings.Contains(err.Error(), "not acknowledged") {
		t.Error(err)
	}
}

func TestFailedMessagesAreCounted(t *testing.T) {
	t.Parallel()
	s, err := play(t, &fakeGateway{status: "error"}, time.Minute, `{"send":{"type":"reading"}}`)
	if err != nil || s.failed != 1 {
		t.Errorf("%v, %d failed", err, s.failed)
	}
}

func TestRepeatedCommandIsTakenOnce(t *testing.T) {
	t.Parallel()
	again := `{"type":"fan","$id":"c-1"}`
	g := &fakeGateway{answers: map[string][]string{"reading": {again, again, `{"type":"lamp","$id":"c-2"}`}}}
	_, err := play(t, g, time.Minute, `{"send":{"type":"reading"}}`, `{"expect":{"type":"fan"}}`, `{"expect":{"type":"lamp"}}`)
	if err != nil {
		t.Error(err)
	}
	if got := strings.Count(g.types(), "$ack"); got != 3 {
		t.Errorf("%d acknowledgements, want one for each delivery", got)
	}
}

func TestSendingWhileDisconnectedFails(t *testing.T) {
	t.Parallel()
	_, err := play(t, &fakeGateway{}, time.Minute, `{"disconnect":true}`, `{"send":{"type":"a"}}`)
	if err == nil || !strings.Contains(err.Error(), "porch is not connected") {
		t.Error(err)
	}
}

func TestMessageIDIsAddedToTheTextAsItIs(t *testing.T) {
	t.Parallel()
	for frame, want := range map[string]string{
		`{"type":"a","n":1.50}`:     `{"type":"a","n":1.50,"$id":"run-1"}`,
		` { } `:                     `{"$id":"run-1"}`,
		`{"type":"a","$id":"x"}`:    `{"type":"a","$id":"x"}`,
		`{"type":"a","$re":"r-1"}`:  `{"type":"a","$re":"r-1"}`,
		`{"type":"$ack","ok":true}`: `{"type":"$ack","ok":true}`,
	} {
		s := newSimulator("porch", "run", nil)
		if got, _ := s.withID([]byte(frame)); string(got) != want {
			t.Errorf("%s became %s, want %s", frame, got, want)
		}
	}
}
