package ws

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
)

const patience = 20 * time.Second // for what normally takes milliseconds

// doorman lets in the tokens device-*, each as the device it names.
type doorman struct{}

func (doorman) Admit(_ context.Context, token string) (auth.Pass, error) {
	switch {
	case token == "device-broken":
		return auth.Pass{}, errors.New("store is closed")
	case !strings.HasPrefix(token, "device-"):
		return auth.Pass{}, auth.ErrToken
	}
	return auth.Pass{Device: device.Key{Project: "p", ID: token}}, nil
}

// echo sends every message back as a command, where there is room. While gate is
// locked it blocks.
type echo struct{ gate sync.Mutex }

func (e *echo) Ready(context.Context, *gateway.Session)           {}
func (e *echo) Closed(*gateway.Session, []gateway.Delivery, bool) {}
func (e *echo) Message(_ context.Context, s *gateway.Session, m wire.Message) {
	e.gate.Lock()
	defer e.gate.Unlock()
	s.Send(gateway.Delivery{Body: m.Body})
	if m.ID != "" {
		s.Acked(wire.Acked{ID: m.ID, Status: wire.Ok})
	}
}
func (e *echo) Reply(*gateway.Session, wire.Reply)         {}
func (e *echo) Acked(*gateway.Session, string)             {}
func (e *echo) Written(*gateway.Session, gateway.Delivery) {}

// house is a real server on a real port.
type house struct {
	t     testing.TB
	hub   *gateway.Hub
	inbox *echo
	url   string
}

func open(t testing.TB, change ...func(*Handler, *wire.Limits)) *house {
	t.Helper()
	limits := wire.DefaultLimits()
	h := &Handler{Devices: doorman{}, Dialects: []wire.Dialect{native.Dialect{}}}
	for _, c := range change {
		c(h, &limits)
	}
	inbox := new(echo)
	h.Hub = gateway.NewHub(gateway.Config{Inbox: inbox, Limits: limits})
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Hub.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		server.Close()
	})
	return &house{t: t, hub: h.Hub, inbox: inbox, url: server.URL}
}

// device is a client with a deadline for each wait.
type dev struct {
	t testing.TB
	*Client
}

func (h *house) connect(name string, subprotocols ...string) dev {
	h.t.Helper()
	c, err := Dial(h.t.Context(), h.url, DialOptions{Token: name, Subprotocols: subprotocols})
	if err != nil {
		h.t.Fatalf("connect %s: %v", name, err)
	}
	h.t.Cleanup(c.Drop)
	d := dev{h.t, c}
	if got := d.hear(); !strings.HasPrefix(got, `{"type":"$welcome"`) {
		h.t.Fatalf("first frame is %s", got)
	}
	return d
}

func (d dev) say(text string) {
	d.t.Helper()
	if err := d.Write(d.t.Context(), wire.Frame{Data: []byte(text)}); err != nil {
		d.t.Fatalf("say: %v", err)
	}
}

func (d dev) hear() string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	f, err := d.Read(ctx)
	if err != nil {
		d.t.Fatalf("hear: %v", err)
	}
	return string(f.Data)
}

// closed reads to the end and returns its code.
func (d dev) closed() int {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	for {
		if _, err := d.Read(ctx); err != nil {
			if CloseCode(err) == 0 {
				d.t.Errorf("ended without a code: %v", err)
			}
			return CloseCode(err)
		}
	}
}
