package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Edge is how a server meets the network. Its zero value is plain HTTP on a
// loopback address.
type Edge struct {
	// TLSCert and TLSKey are PEM files. With them the listener speaks TLS 1.2 or
	// newer. They are read again when they change, and at each Reload.
	TLSCert, TLSKey string
	Reload          <-chan struct{}
	// Insecure lets a listener without TLS be where other machines reach it.
	Insecure bool
	// PublicURL is where clients reach the server, http or https, where that is
	// not where it listens.
	PublicURL string
	// AllowHosts are names that requests may be for, beside loopback names, the
	// addresses of the listener and the public URL.
	AllowHosts []string
	// AllowOrigins (scheme://host) are the pages of others that may use the server
	// from a browser.
	AllowOrigins []string
	// TrustedProxies tell the truth in X-Forwarded-For and X-Forwarded-Proto.
	TrustedProxies []netip.Prefix
	// MaxConnections bounds the connections of admitted clients; 0 leaves it to the
	// number of descriptors that the process may have.
	MaxConnections int
}

// ErrExposed says that tokens would cross a network in the clear.
var ErrExposed = errors.New("without TLS everybody on the way reads the tokens")

func (e *Edge) complete() error {
	if (e.TLSCert == "") != (e.TLSKey == "") {
		return errors.New("TLS needs both a certificate and its key")
	}
	if e.PublicURL != "" {
		u, err := url.Parse(e.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("public URL %q: it is written like https://tendril.example", e.PublicURL)
		}
		e.PublicURL = strings.TrimSuffix(e.PublicURL, "/")
	}
	for _, host := range e.AllowHosts {
		if name, ok := hostName(host); !ok || name != strings.ToLower(strings.TrimSuffix(host, ".")) {
			return fmt.Errorf("allowed host %q: a name or an address, without a port", host)
		}
	}
	for _, origin := range e.AllowOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || origin != strings.ToLower(origin) {
			return fmt.Errorf("allowed origin %q: it is written like https://app.example", origin)
		}
	}
	if e.MaxConnections < 0 {
		return errors.New("the number of connections is negative")
	}
	return nil
}

// secure says whether the listener speaks TLS.
func (e *Edge) secure() bool { return e.TLSCert != "" }

// exposed refuses a listener that would show tokens to others.
func (e *Edge) exposed(addr net.Addr) error {
	tcp, ok := addr.(*net.TCPAddr)
	if e.secure() || e.Insecure || ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("listen on %s: %w", addr, ErrExposed)
}

// url is where programs on this machine reach the listener.
func (e *Edge) url(addr net.Addr) string {
	switch {
	case !e.secure():
		return "http://" + reachable(addr)
	case e.PublicURL != "": // which the certificate is for
		return e.PublicURL
	}
	return "https://" + reachable(addr)
}

// deviceURL is where devices connect, "" where that depends on who asks.
func (e *Edge) deviceURL() string {
	if e.PublicURL == "" {
		return ""
	}
	return "ws" + strings.TrimPrefix(e.PublicURL, "http") + "/v1/connect"
}
