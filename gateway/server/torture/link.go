package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/ws"
)

const (
	dialTime  = 20 * time.Second // for the opening, two thousand at once included
	writeTime = 10 * time.Second
	peekEvery = 64 // commands
	unreplied = 10 // requests, of which one is not replied to
)

// link is one connection of a device.
type link struct {
	d      *device
	number int
	conn   *ws.Client
	client *api.Client
	ended  chan struct{} // closed when nothing more is heard
	cut    chan struct{} // closed by drop
	once   sync.Once

	mu   sync.Mutex
	deaf bool
}

// open connects, however long that takes. It returns nil when ctx ended.
func (d *device) open(ctx context.Context) *link {
	for tries := 0; ctx.Err() == nil; {
		client, changed := d.o.site.now()
		if client == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if l, err := d.dial(ctx, client); err == nil {
			return l
		}
		wait(ctx, d.backoff(tries))
		tries++
	}
	return nil
}

// backoff is how long a device waits before it tries again: longer each time,
// and a random part of that.
func (d *device) backoff(tries int) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rng.Int64N(int64(20*time.Millisecond) << min(tries, 6)))
}

func (d *device) dial(ctx context.Context, client *api.Client) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	url := strings.Replace(client.URL, "http://", "ws://", 1) + "/v1/connect"
	conn, err := ws.Dial(ctx, url, ws.DialOptions{Token: d.token, Subprotocols: []string{"tendril.v1.json"}})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.links++
	l := &link{d: d, number: d.links, conn: conn, client: client, ended: make(chan struct{}), cut: make(chan struct{})}
	d.mu.Unlock()
	if err := l.write([]byte(`{"type":"$hello","acks":true}`)); err != nil {
		l.drop()
		return nil, err
	}
	d.o.group.Go(l.read)
	return l, nil
}

func (l *link) note(e Entry) {
	e.Device, e.Link = l.d.name, l.number
	l.d.o.history.Add(e)
}

func (l *link) write(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	return l.conn.Write(ctx, wire.Frame{Data: data})
}

// say sends a message. It is entered before it is written: what is in the
// history may have reached the server, what is not has not.
func (l *link) say(m *message) bool {
	l.note(Entry{What: Said, Message: m.n, Kind: m.kind})
	return l.write(m.body) == nil
}

// drop cuts the connection.
func (l *link) drop() {
	l.once.Do(func() {
		close(l.cut)
		l.conn.Drop()
	})
}

func (l *link) deafen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = true
}

func (l *link) isDeaf() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deaf
}

// read hears frames until the connection ends.
func (l *link) read() {
	defer close(l.ended)
	welcomed := false
	for {
		f, err := l.conn.Read(context.Background())
		if err != nil {
			l.closed(ws.CloseCode(err), welcomed)
			return
		}
		if l.isDeaf() {
			<-l.cut
			l.closed(0, welcomed)
			return
		}
		var h heard
		if err := json.Unmarshal(f.Data, &h); err != nil {
			l.note(Entry{What: Refused, Text: "not JSON: " + string(f.Data)})
			continue
		}
		if h.Type == "$welcome" {
			welcomed = true
			l.d.o.tally.connects.Add(1)
			l.d.o.tally.connected.Add(1)
			l.note(Entry{What: Opened})
			continue
		}
		l.hear(&h, f.Data)
	}
}

func (l *link) closed(code int, welcomed bool) {
	l.note(Entry{What: Closed, Code: code})
	if welcomed {
		l.d.o.tally.connected.Add(-1)
	}
	t := &l.d.o.tally
	t.mu.Lock()
	if t.closed == nil {
		t.closed = make(map[int]int)
	}
	t.closed[code]++
	t.mu.Unlock()
	l.d.signal()
}

// hear takes one frame in.
func (l *link) hear(h *heard, raw []byte) {
	switch h.Type {
	case "$ack":
		n, err := strconv.Atoi(strings.TrimPrefix(h.ID, "m-"))
		if err != nil {
			l.note(Entry{What: Refused, Text: string(raw)})
			return
		}
		e := Entry{What: Answered, Message: n, Status: h.Status}
		if h.Error != nil {
			e.Name, e.Text = h.Error.Name, h.Error.Message
		}
		l.note(e)
		l.d.answered(n, h.Status)
	case "did":
		l.note(h.entry(Heard))
		l.d.o.tally.commands.Add(1)
		if l.d.lucky(peekEvery) {
			l.peek(h)
		}
		if l.write(fmt.Appendf(nil, `{"type":"$ack","$id":%q}`, h.ID)) == nil {
			l.note(Entry{What: Took, ID: h.ID})
		}
		l.d.heard(h.Message)
	case "ask":
		l.note(h.entry(Asked))
		if !l.d.lucky(unreplied) {
			_ = l.write(fmt.Appendf(nil, `{"type":"answer","$re":%q}`, h.ID)) // the reader sees the end
		}
	default:
		l.note(Entry{What: Refused, Text: string(raw)})
	}
}

// peek looks whether the write that a command tells of is there, now that the
// command is.
func (l *link) peek(h *heard) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	p, err := l.client.Pair(ctx, project, l.d.name, h.Block)
	var refused *api.Error
	e := Entry{What: Peeked, Message: h.Message, Effect: h.Effect, ID: h.ID}
	switch {
	case err == nil && strings.Contains(string(p.Value), h.Effect+" "):
		e.Status = "there"
	case err == nil, errors.As(err, &refused) && refused.Status == 404:
		e.Status = "missing"
	default:
		return // the server is gone
	}
	l.d.o.tally.peeks.Add(1)
	l.note(e)
}

// heard is a frame as a device understands it.
type heard struct {
	Type    string `json:"type"`
	ID      string `json:"$id"`
	Status  string `json:"status"`
	Message int    `json:"n"`
	Effect  string `json:"effect"`
	Block   string `json:"block"`
	Seq     int    `json:"seq"`
	Version int    `json:"version"`
	Begun   int64  `json:"begun"`
	Error   *struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	} `json:"error"`
}

func (h *heard) entry(what What) Entry {
	return Entry{
		What: what, ID: h.ID, Message: h.Message, Effect: h.Effect,
		Seq: h.Seq, Version: h.Version, Begun: h.Begun,
	}
}
