package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose word counts: for anybody else the client is the
// one at the other end of the connection.
type proxies []netip.Prefix

func (p proxies) trust(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// client is who a request comes from, and whether it came over TLS to the first
// of the proxies. Of the addresses in X-Forwarded-For the last that is no
// trusted proxy counts: what stands before it anybody could have written.
func (p proxies) client(peer netip.Addr, secure bool, h http.Header) (netip.Addr, bool) {
	if !p.trust(peer) {
		return peer, secure
	}
	from := peer
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if from = hop; !p.trust(hop) {
			break
		}
	}
	if proto := h.Values("X-Forwarded-Proto"); len(proto) > 0 {
		words := strings.Split(strings.Join(proto, ","), ",")
		secure = strings.EqualFold(strings.TrimSpace(words[len(words)-1]), "https")
	}
	return from, secure
}

// parseHop reads an address, with a port where a proxy writes one.
func parseHop(text string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err
}
