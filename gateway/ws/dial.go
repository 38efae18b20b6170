package ws

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

var _ gateway.Conn = (*Client)(nil)

// DialOptions say how to connect.
type DialOptions struct {
	Token        string // sent as a bearer token, "" for none
	Subprotocols []string
	Header       http.Header // further headers
	Limit        int         // of an inbound message in bytes, 0 for 4 MiB
}

const clientLimit = 4 << 20

// RefusedError is the answer of a server that did not upgrade.
type RefusedError struct {
	Status  int
	Code    string // of the problem, or ""
	Message string
}

func (e *RefusedError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("refused with status %d", e.Status)
	}
	return fmt.Sprintf("refused with status %d: %s", e.Status, e.Message)
}

// Client is the device's side of a connection. Its methods may be called
// concurrently, but Read by one goroutine. Somebody must read for pings to be
// answered.
type Client struct {
	ws   *websocket.Conn
	raw  net.Conn  // under it
	once sync.Once // the close
}

// Dial connects to a ws, wss, http or https address. The error is a
// *RefusedError when the server answered otherwise. The context is for the
// opening only.
func Dial(ctx context.Context, url string, o DialOptions) (*Client, error) {
	header := o.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	if o.Token != "" {
		header.Set("Authorization", "Bearer "+o.Token)
	}
	c := new(Client)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := new(net.Dialer).DialContext(ctx, network, address)
		c.raw = raw
		return raw, err
	}
	defer transport.CloseIdleConnections()
	dialled, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: transport},
		HTTPHeader:   header,
		Subprotocols: o.Subprotocols,
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, refused(resp)
		}
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	if o.Limit <= 0 {
		o.Limit = clientLimit
	}
	dialled.SetReadLimit(int64(o.Limit))
	c.ws = dialled
	return c, nil
}

func refused(resp *http.Response) error {
	var p problem
	if body, err := io.ReadAll(resp.Body); err == nil {
		_ = json.Unmarshal(body, &p) // another server's answer may be anything
	}
	return &RefusedError{Status: resp.StatusCode, Code: p.Code, Message: p.Text}
}

// Subprotocol is the one that the server chose, "" for none.
func (c *Client) Subprotocol() string { return c.ws.Subprotocol() }

// Read blocks for the next message. The end of ctx ends the connection. The error
// is a gateway.CloseError when the server closed with a code.
func (c *Client) Read(ctx context.Context) (wire.Frame, error) {
	kind, data, err := c.ws.Read(ctx)
	if ce, ok := closed(err); ok {
		return wire.Frame{}, ce
	}
	if err != nil {
		return wire.Frame{}, fmt.Errorf("read from server: %w", err)
	}
	return wire.Frame{Binary: kind == websocket.MessageBinary, Data: data}, nil
}

// Write sends one message.
func (c *Client) Write(ctx context.Context, f wire.Frame) error {
	if err := c.ws.Write(ctx, kindOf(f), f.Data); err != nil {
		return fmt.Errorf("write to server: %w", err)
	}
	return nil
}

// Ping sends a ping and waits for the pong, or the end of ctx.
func (c *Client) Ping(ctx context.Context) error { return c.ws.Ping(ctx) }

// Close says the code, waits up to a second for the answer and drops the
// connection. Only the first call of Close and Drop counts.
func (c *Client) Close(code wire.CloseCode, reason string) {
	c.once.Do(func() {
		cut := time.AfterFunc(lingerTime, func() { _ = c.raw.Close() })
		defer cut.Stop()
		_ = c.ws.Close(websocket.StatusCode(code), shorten(reason)) // it is gone either way
	})
}

// Drop drops the connection at once.
func (c *Client) Drop() {
	_ = c.raw.Close()
	c.once.Do(func() { _ = c.ws.CloseNow() })
}
