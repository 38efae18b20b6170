package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"github.com/tendril-run/tendril/gateway/server"
)

// addEdgeFlags are the flags that say how a server meets the network.
func addEdgeFlags(f *pflag.FlagSet, e *server.Edge) {
	f.StringVar(&e.TLSCert, "tls-cert", "", "certificate (PEM); read again when it changes and on SIGHUP")
	f.StringVar(&e.TLSKey, "tls-key", "", "key of the certificate (PEM)")
	f.BoolVar(&e.Insecure, "insecure", false, "listen without TLS where other machines reach it")
	f.StringVar(&e.PublicURL, "public-url", "", "where clients reach the server, such as https://tendril.example")
	f.StringSliceVar(&e.AllowHosts, "allow-host", nil, "further host that requests may be for; repeatable")
	f.StringSliceVar(&e.AllowOrigins, "allow-origin", nil, "web origin (https://app.example) that may use the server from a browser; repeatable")
	f.Var((*networks)(&e.TrustedProxies), "trusted-proxy", "network (10.0.0.0/8) of proxies whose X-Forwarded-For and -Proto are believed; repeatable")
	f.IntVar(&e.MaxConnections, "max-connections", 0, "most connections of admitted clients (default by the limit of open files)")
}

// networks is a flag of networks or addresses, separated by commas or repeated.
type networks []netip.Prefix

func (n *networks) String() string { return strings.Join(n.GetSlice(), ",") }

func (n *networks) Type() string { return "network" }

func (n *networks) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if err := n.Append(word); err != nil {
			return err
		}
	}
	return nil
}

// Append, Replace and GetSlice are for configurations that know lists.
func (n *networks) Append(word string) error {
	word = strings.TrimSpace(word)
	network, err := netip.ParsePrefix(word)
	if addr, e := netip.ParseAddr(word); e == nil {
		network, err = addr.Prefix(addr.BitLen())
	}
	if err != nil || network != network.Masked() {
		return errors.New("a network is written like 10.0.0.0/8, an address like 192.0.2.1")
	}
	*n = append(*n, network)
	return nil
}

func (n *networks) Replace(words []string) error {
	*n = nil
	for _, word := range words {
		if err := n.Append(word); err != nil {
			return err
		}
	}
	return nil
}

func (n *networks) GetSlice() []string {
	words := make([]string, len(*n))
	for i, network := range *n {
		words[i] = network.String()
	}
	return words
}

// hangups tells of each SIGHUP until ctx ends.
func hangups(ctx context.Context) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	told := make(chan struct{})
	go func() { // until ctx ends
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
			select {
			case told <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return told
}

// exposed adds what to do to a server's refusal to show tokens to a network.
func exposed(err error, hint string) error {
	if errors.Is(err, server.ErrExposed) {
		return problem{Code: "exposed", Message: err.Error(), Hint: hint}
	}
	return err
}

// private says whether other machines reach an address, and only those of a
// private network.
func private(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip.IsUnspecified():
		return allPrivate(net.InterfaceAddrs())
	case err == nil:
		return onPrivateNetwork(ip)
	}
	found, err := net.LookupIP(host)
	addrs := make([]net.Addr, len(found))
	for i, ip := range found {
		addrs[i] = &net.IPNet{IP: ip, Mask: net.CIDRMask(len(ip)*8, len(ip)*8)}
	}
	return allPrivate(addrs, err)
}

// allPrivate says whether there is a private address among these, beside those
// of this machine alone, and none of another kind.
func allPrivate(addrs []net.Addr, err error) bool {
	found := false
	for _, addr := range addrs {
		network, parseErr := netip.ParsePrefix(addr.String())
		switch {
		case parseErr != nil:
			return false
		case network.Addr().Unmap().IsLoopback():
		case !onPrivateNetwork(network.Addr()):
			return false
		default:
			found = true
		}
	}
	return err == nil && found
}

func onPrivateNetwork(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

// warnExposed says once what a development server on a private network means.
func (d *dev) warnExposed(listen string) {
	warning(d.errors, "%s", fmt.Sprintf("%s is plain HTTP: whoever shares the network can read the tokens", listen))
}
