package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

var (
	_ gateway.Conn    = (*conn)(nil)
	_ gateway.Batcher = (*conn)(nil)
	_ gateway.Watched = (*conn)(nil)
)

// conn is the server's side of a connection. The socket judges what comes in.
type conn struct {
	ws     *websocket.Conn
	socket *socket
	once   sync.Once // the close
}

func (c *conn) OnActivity(heard func()) { c.socket.heard.Store(&heard) }

// Read returns the next message whole, in memory of its own.
func (c *conn) Read(ctx context.Context) (wire.Frame, error) {
	kind, r, err := c.ws.Reader(ctx)
	if err != nil {
		return wire.Frame{}, c.failed(err)
	}
	m := messages.Get().(*message)
	defer m.release()
	if err := m.read(r); err != nil {
		return wire.Frame{}, c.failed(err)
	}
	return wire.Frame{Binary: kind == websocket.MessageBinary, Data: append([]byte(nil), m.buf...)}, nil
}

// failed is the error of a read as the caller is to see it. When it was the peer
// that broke a rule, it begins to close with the rule's code.
func (c *conn) failed(err error) error {
	if ce, ok := closed(err); ok {
		return ce
	}
	var ours gateway.CloseError
	if !errors.As(err, &ours) {
		return err // the connection is lost
	}
	go c.Close(ours.Code, ours.Reason) // who was reading closes too, and waits for this one
	return ours
}

// Write sends one frame.
func (c *conn) Write(ctx context.Context, f wire.Frame) error {
	_, err := c.WriteAll(ctx, []wire.Frame{f})
	return err
}

// WriteAll sends the frames in one write.
func (c *conn) WriteAll(ctx context.Context, frames []wire.Frame) (int, error) {
	var few [64]int
	ends := few[:0]
	c.socket.cork()
	var err error
	for _, f := range frames {
		if err = c.ws.Write(ctx, kindOf(f), f.Data); err != nil {
			break
		}
		ends = append(ends, c.socket.gathered())
	}
	n, broken := c.socket.flush()
	if err == nil {
		err = broken
	}
	if err == nil {
		return len(frames), nil
	}
	whole := 0
	for whole < len(ends) && ends[whole] <= n {
		whole++
	}
	return whole, fmt.Errorf("write to device: %w", err)
}

// Ping sends a ping and waits a while for the pong; somebody must be reading.
func (c *conn) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pongTime)
	defer cancel()
	return c.ws.Ping(ctx)
}

// Close says the code, takes what the peer still says for up to a second, until
// it answers, and drops the connection: dropped at once, the code would be lost
// with what was not read. The first call decides; all return when it is done.
func (c *conn) Close(code wire.CloseCode, reason string) {
	c.once.Do(func() {
		cut := time.AfterFunc(lingerTime, c.socket.cut)
		defer cut.Stop()
		_ = c.ws.Close(websocket.StatusCode(code), shorten(reason)) // fails where the peer is gone: then it knows
		c.socket.cut()
	})
}

// Drop drops the connection.
func (c *conn) Drop() {
	c.socket.cut()
	c.once.Do(func() { _ = c.ws.CloseNow() })
}

// shorten cuts a reason to what a close frame holds, 123 bytes.
func shorten(reason string) string {
	if len(reason) <= 123 {
		return reason
	}
	end := 123
	for !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end]
}

// message is the memory in which a message is gathered; it is pooled.
type message struct{ buf []byte }

const (
	firstMessage = 2 << 10
	keptMessage  = 16 << 10
)

var messages = sync.Pool{New: func() any { return &message{make([]byte, 0, firstMessage)} }}

func (m *message) release() {
	if cap(m.buf) <= keptMessage {
		m.buf = m.buf[:0]
		messages.Put(m)
	}
}

// read gathers a message, whose length was checked on its way in.
func (m *message) read(r io.Reader) error {
	for {
		if len(m.buf) == cap(m.buf) {
			m.buf = append(m.buf, 0)[:len(m.buf)]
		}
		n, err := r.Read(m.buf[len(m.buf):cap(m.buf)])
		m.buf = m.buf[:len(m.buf)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
