package gateway

import (
	"context"
	"fmt"

	"github.com/tendril-run/tendril/gateway/wire"
)

// CloseError is how a Conn says that its connection was closed with a code, by
// the peer or by ourselves because the peer broke a rule.
type CloseError struct {
	Code   wire.CloseCode
	Reason string
	Peer   bool // it was the peer that closed, and that gave the reason
}

func (e CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("closed with %d", e.Code)
	}
	return fmt.Sprintf("closed with %d: %s", e.Code, e.Reason)
}

// Watched is a Conn that tells of every inbound frame, control frames too. The
// function is set before the first Read, is called by Read and does not block.
type Watched interface {
	OnActivity(heard func())
}

// Batcher is a Conn that writes several frames at less than their price. It
// returns how many were written whole, all when the error is nil. The frames and
// their data are the caller's again when it returns.
type Batcher interface {
	WriteAll(ctx context.Context, frames []wire.Frame) (written int, err error)
}
