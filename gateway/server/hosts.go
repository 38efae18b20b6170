package server

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// hosts are the names that requests may be for. A page that an attacker serves
// under a name of his own, which then resolves to this machine, asks under that
// name.
type hosts map[string]bool

func newHosts(e Edge, listen string) hosts {
	h := hosts{"localhost": true}
	named := append([]string{listen}, e.AllowHosts...)
	if u, err := url.Parse(e.PublicURL); err == nil {
		named = append(named, u.Host)
	}
	for _, name := range named {
		name, _ = hostName(name)
		if ip, err := netip.ParseAddr(name); name != "" && (err != nil || !ip.IsUnspecified()) {
			h[name] = true
		}
	}
	return h
}

// allow says whether a Host header names this server. An address is no name that
// somebody could make point here: that of the connection itself is good.
func (h hosts) allow(host string, local net.Addr) bool {
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if h[name] {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	return ip.IsLoopback() || ip.Unmap() == addressOf(local)
}

// hostName is the name of host[:port] in the one form that is compared.
func hostName(host string) (name string, ok bool) {
	name = host
	if h, port, err := net.SplitHostPort(host); err == nil {
		for _, c := range []byte(port) {
			if c < '0' || c > '9' {
				return "", false
			}
		}
		name = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().String(), ip.Zone() == ""
	}
	if name == "" || len(name) > 253 {
		return "", false
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return "", false
		}
	}
	return name, true
}

// addressOf is the address without its port, as it is compared.
func addressOf(addr net.Addr) netip.Addr {
	if addr == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
