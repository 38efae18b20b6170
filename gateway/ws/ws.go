// Package ws admits devices over WebSocket and carries their frames. It is the
// home of the WebSocket library; Accept and Dial are for everyone.
//
// It knows tokens as texts that somebody else judges, and no dialect: which one a
// connection speaks is told by its subprotocol.
package ws

import (
	"errors"
	"time"

	"github.com/coder/websocket"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/wire"
)

const (
	writeTime   = 10 * time.Second // for one write
	pongTime    = 10 * time.Second // for the answer to a ping
	lingerTime  = time.Second      // for the peer's answer to our close
	messageTime = 30 * time.Second // for a message to come whole
)

// What Options leave to us.
const (
	MaxFragments = maxFragments
	WriteTime    = writeTime
	MessageTime  = messageTime
)

func kindOf(f wire.Frame) websocket.MessageType {
	if f.Binary {
		return websocket.MessageBinary
	}
	return websocket.MessageText
}

// closed turns an error of the library that carries the peer's close code into
// ours.
func closed(err error) (gateway.CloseError, bool) {
	var ce websocket.CloseError
	if !errors.As(err, &ce) {
		return gateway.CloseError{}, false
	}
	return gateway.CloseError{Code: wire.CloseCode(ce.Code), Reason: ce.Reason, Peer: true}, true
}

// CloseCode returns the code with which a connection was closed, 0 when err does
// not tell one.
func CloseCode(err error) int {
	var ce gateway.CloseError
	if errors.As(err, &ce) {
		return int(ce.Code)
	}
	return 0
}
