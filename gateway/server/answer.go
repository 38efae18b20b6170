package server

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

// errFull says that there are as many connections as there may be.
var errFull = errors.New("too many connections")

// A client takes each piece of an answer within this time, or is let go.
const (
	pieceTime = 10 * time.Second
	pieceSize = 64 << 10
)

// answer is the answer to one request on its way out.
type answer struct {
	http.ResponseWriter
	front *front
	guest *guest
	from  netip.Addr
	last  bool // of its connection, unless it upgrades

	begun   bool
	replace bool // what the handler writes is not what is sent
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.begun {
		return
	}
	a.begun = status >= 200 || status == http.StatusSwitchingProtocols
	if status == http.StatusSwitchingProtocols {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	h := a.Header()
	_ = a.guest.SetWriteDeadline(time.Now().Add(pieceTime))
	if a.begun && (a.last || a.guest.passing()) {
		h.Set("Connection", "close")
	}
	if status == http.StatusUnauthorized {
		if wait := a.front.failed(a.from); wait > 0 {
			a.replace = true
			h.Del("WWW-Authenticate")
			h.Del("Content-Length")
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			api.Refuse(a.ResponseWriter, http.StatusTooManyRequests, "too_many_failures", "too many requests without a valid token")
			return
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write gives every piece its own time.
func (a *answer) Write(p []byte) (n int, err error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	if a.replace {
		return len(p), nil
	}
	for {
		piece := p[n:min(n+pieceSize, len(p))]
		_ = a.guest.SetWriteDeadline(time.Now().Add(pieceTime))
		written, err := a.ResponseWriter.Write(piece)
		if n += written; err != nil || n == len(p) {
			return n, err
		}
	}
}
