package ws

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/wire"
)

// Devices judges the credential of a device.
type Devices interface {
	// Admit says what a token opens. Error: auth.ErrToken for every token that opens
	// nothing; any other means that it cannot be told now.
	Admit(ctx context.Context, token string) (auth.Pass, error)
}

// Handler answers GET /v1/connect: it admits devices before the upgrade and hands
// their connections to the hub. It sets nothing on the server it runs under, which
// should bound the time and size of request headers.
type Handler struct {
	Hub     *gateway.Hub
	Devices Devices
	// Dialects by their names as subprotocols; the first one is spoken to a device
	// that offers none.
	Dialects []wire.Dialect
	// Limit, MessageTime, Fragments, WriteTime and Origins are as of Options.
	Limit       int
	MessageTime time.Duration
	Fragments   int
	WriteTime   time.Duration
	Origins     []string
	// Draining makes it answer 503; nil is never.
	Draining func() bool
}

const (
	bearerOffer  = "bearer."
	tendrilOffer = "tendril.v1."
	maxToken     = 1 << 10 // bytes, far more than any of ours
)

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pass, p := h.admit(r)
	if p != nil {
		p.write(w)
		return
	}
	names := make([]string, len(h.Dialects))
	for i, d := range h.Dialects {
		names[i] = d.Name()
	}
	c, chosen, err := upgrade(w, r, Options{
		Subprotocols: names, Limit: h.Limit, MessageTime: h.MessageTime, Fragments: h.Fragments, WriteTime: h.WriteTime,
	})
	if err != nil {
		return // answered, or gone
	}
	a := gateway.Admission{
		Key: pass.Device, Credential: pass.Credential, Checked: pass.Checked,
		Dialect: h.Dialects[0], HelloFirst: chosen != "", Remote: r.RemoteAddr,
	}
	if i := slices.Index(names, chosen); i >= 0 {
		a.Dialect = h.Dialects[i]
	}
	// Not on this goroutine: the request, its buffers and its grown stack would
	// stay as long as the device. The hub's Drain waits for it.
	go h.Hub.Serve(context.Background(), a, c)
}

// admit judges all of a request, before anything of it is answered.
func (h *Handler) admit(r *http.Request) (auth.Pass, *problem) {
	if r.Method != http.MethodGet {
		p := refuse(http.StatusMethodNotAllowed, "method_not_allowed", "devices connect with GET")
		p.header = http.Header{"Allow": {http.MethodGet}}
		return auth.Pass{}, p
	}
	if h.Draining != nil && h.Draining() {
		return auth.Pass{}, unavailable("the server is restarting")
	}
	token, p := credential(r)
	if p != nil {
		return auth.Pass{}, p
	}
	if token == "" {
		if p := handshake(r, h.Origins); p != nil {
			return auth.Pass{}, p
		}
		return auth.Pass{}, unauthorized()
	}
	pass, err := h.Devices.Admit(r.Context(), token)
	switch {
	case errors.Is(err, auth.ErrToken):
		return auth.Pass{}, unauthorized()
	case err != nil:
		return auth.Pass{}, unavailable("the device cannot be admitted now")
	}
	return pass, handshake(r, h.Origins)
}

// credential takes the one token of a request, "" for none. A token in the query
// is never read.
func credential(r *http.Request) (string, *problem) {
	headers := r.Header.Values("Authorization")
	var offered []string
	tendril := false
	for _, offer := range tokens(r.Header, "Sec-WebSocket-Protocol") {
		if token, ok := strings.CutPrefix(offer, bearerOffer); ok {
			offered = append(offered, token)
		}
		tendril = tendril || strings.HasPrefix(offer, tendrilOffer)
	}
	switch {
	case len(headers)+len(offered) > 1:
		return "", refuse(http.StatusBadRequest, "two_credentials", "a request carries one credential")
	case len(offered) == 1 && !tendril:
		return "", refuse(http.StatusBadRequest, "bad_request", "a bearer subprotocol comes with one of "+tendrilOffer+"*")
	case len(offered) == 1 && len(offered[0]) > maxToken:
		return "", longToken()
	case len(offered) == 1:
		return offered[0], nil
	case len(headers) == 0:
		return "", nil
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", unauthorized()
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return "", unauthorized()
	}
	if len(token) > maxToken {
		return "", longToken()
	}
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", refuse(http.StatusBadRequest, "bad_request", "a bearer token has no spaces")
	}
	return token, nil
}

func longToken() *problem {
	return refuse(http.StatusRequestHeaderFieldsTooLarge, "token_too_long", "no token is that long")
}

func unauthorized() *problem {
	p := refuse(http.StatusUnauthorized, "unauthorized", "a valid device token is needed")
	p.header = http.Header{"Www-Authenticate": {"Bearer"}}
	return p
}

func unavailable(message string) *problem {
	p := refuse(http.StatusServiceUnavailable, "unavailable", message)
	p.header = http.Header{"Retry-After": {"1"}}
	return p
}
