package ws

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

// Options say how a connection is accepted.
type Options struct {
	// Subprotocols that we speak. The first one offered that is among them is
	// chosen; offers of others are ignored.
	Subprotocols []string
	// Limit is the largest message taken, in bytes; 0 is the default frame limit.
	Limit int
	// MessageTime bounds how long the peer takes from the first byte of a message to
	// its last, in which time we read; 0 is 30 s.
	MessageTime time.Duration
	// Fragments is how many a message may have; 0 is 1,024. WriteTime bounds one
	// write; 0 is 10 s.
	Fragments int
	WriteTime time.Duration
	// Origins are the foreign origins (scheme://host) that may connect beside the
	// server's own.
	Origins []string
}

// Accept upgrades a request and returns its connection with the chosen
// subprotocol, "" for none. On an error it has answered. The request and its
// buffers are free when the handler returns: it need not stay for the connection.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (gateway.Conn, string, error) {
	if p := handshake(r, o.Origins); p != nil {
		p.write(w)
		return nil, "", p
	}
	return upgrade(w, r, o)
}

func upgrade(w http.ResponseWriter, r *http.Request, o Options) (gateway.Conn, string, error) {
	if o.Limit <= 0 {
		o.Limit = wire.DefaultLimits().Frame
	}
	if o.MessageTime <= 0 {
		o.MessageTime = messageTime
	}
	if o.Fragments <= 0 {
		o.Fragments = maxFragments
	}
	if o.WriteTime <= 0 {
		o.WriteTime = writeTime
	}
	chosen := ""
	for _, offer := range tokens(r.Header, "Sec-WebSocket-Protocol") {
		if slices.Contains(o.Subprotocols, offer) {
			chosen = offer
			break
		}
	}
	h := &hijacker{ResponseWriter: w, socket: &socket{
		in: frames{limit: o.Limit, most: uint16(min(o.Fragments, 1<<16-2))}, limit: o.MessageTime, patience: o.WriteTime,
	}}
	accepted, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{chosen},
		InsecureSkipVerify: true, // handshake has looked at the origin
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, "", err
	}
	accepted.SetReadLimit(-1) // the socket has ours
	return &conn{ws: accepted, socket: h.socket}, chosen, nil
}

// Sizes of what a connection holds while it is idle. The reader is small because
// long messages are read past it, the writer because writes are gathered in the
// socket.
const (
	readBuffer  = 512
	writeBuffer = 32
)

// hijacker takes the connection from the HTTP server without its buffers.
type hijacker struct {
	http.ResponseWriter
	socket *socket
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.socket.Conn = raw
	if early, _ := rw.Reader.Peek(rw.Reader.Buffered()); len(early) > 0 {
		h.socket.early = bytes.Clone(early)
	}
	return h.socket, bufio.NewReadWriter(bufio.NewReaderSize(h.socket, readBuffer), bufio.NewWriterSize(h.socket, writeBuffer)), nil
}

// handshake says what is wrong with an upgrade request, nil for nothing.
func handshake(r *http.Request, origins []string) *problem {
	switch {
	case !upgrades(r):
		p := refuse(http.StatusUpgradeRequired, "upgrade_required", "this address speaks WebSocket only")
		p.header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
		return p
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		p := refuse(http.StatusBadRequest, "bad_request", "Sec-WebSocket-Version is 13")
		p.header = http.Header{"Sec-Websocket-Version": {"13"}}
		return p
	case !validKey(r.Header.Values("Sec-WebSocket-Key")):
		return refuse(http.StatusBadRequest, "bad_request", "one Sec-WebSocket-Key of 16 bytes in base64 is needed")
	case !knownOrigin(r, origins):
		return refuse(http.StatusForbidden, "foreign_origin", "this origin may not connect")
	}
	return nil
}

// upgrades reports whether the request asks for WebSocket.
func upgrades(r *http.Request) bool {
	return r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 &&
		hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

func validKey(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0]))
	return err == nil && len(key) == 16
}

// knownOrigin reports whether the request comes from no browser, from a page of
// this server, or from one of origins.
func knownOrigin(r *http.Request, origins []string) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 {
		return false
	}
	u, err := url.Parse(values[0])
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) ||
		slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, u.Scheme+"://"+u.Host) })
}

// tokens splits a header that is a list.
func tokens(h http.Header, name string) []string {
	var list []string
	for _, value := range h.Values(name) {
		for token := range strings.SplitSeq(value, ",") {
			list = append(list, strings.TrimSpace(token))
		}
	}
	return list
}

func hasToken(h http.Header, name, token string) bool {
	return slices.ContainsFunc(tokens(h, name), func(t string) bool { return strings.EqualFold(t, token) })
}
