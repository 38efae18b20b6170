package cli

import (
	"errors"
	"net"
	"testing"

	"github.com/spf13/pflag"
	"github.com/tendril-run/tendril/gateway/server"
)

func TestTrustedProxiesAreNetworks(t *testing.T) {
	t.Parallel()
	var e server.Edge
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addEdgeFlags(f, &e)
	err := f.Parse([]string{"--trusted-proxy", "10.0.0.0/8, 192.0.2.1", "--trusted-proxy=2001:db8::/32", "--allow-host", "a,b"})
	if got := f.Lookup("trusted-proxy").Value.String(); err != nil || got != "10.0.0.0/8,192.0.2.1/32,2001:db8::/32" || len(e.TrustedProxies) != 3 {
		t.Errorf("%s, %v", got, err)
	}
	if len(e.AllowHosts) != 2 {
		t.Errorf("hosts %q", e.AllowHosts)
	}
	list := f.Lookup("trusted-proxy").Value.(pflag.SliceValue)
	if err := list.Replace([]string{"192.0.2.0/24"}); err != nil || len(e.TrustedProxies) != 1 {
		t.Errorf("%v, %v", e.TrustedProxies, err)
	}
	for _, bad := range []string{"", "10.0.0.1/8", "proxy.example", "10.0.0.0/33", "10.0.0.0/8,,"} {
		if err := f.Set("trusted-proxy", bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestDevelopmentServerMayBeOnAPrivateNetwork(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{
		"127.0.0.1:0": false, "localhost:0": false, "[::1]:0": false, // they need no permission
		"10.1.2.3:7777": true, "192.168.1.5:0": true, "172.16.0.1:0": true, "[fd00::1]:0": true, "[fe80::1]:0": true, "169.254.1.1:0": true,
		"203.0.113.1:0": false, "[2001:db8::1]:0": false, "172.32.0.1:0": false, "8.8.8.8": false,
	} {
		if private(listen) != want {
			t.Errorf("%s: %v", listen, !want)
		}
	}
	network := func(texts ...string) (list []net.Addr) {
		for _, text := range texts {
			ip, mask, err := net.ParseCIDR(text)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, &net.IPNet{IP: ip, Mask: mask.Mask})
		}
		return list
	}
	for name, c := range map[string]struct {
		addrs []net.Addr
		err   error
		want  bool
	}{
		"home":       {network("127.0.0.1/8", "::1/128", "192.168.1.5/24", "fe80::1/64"), nil, true},
		"public too": {network("127.0.0.1/8", "192.168.1.5/24", "203.0.113.1/24"), nil, false},
		"alone":      {network("127.0.0.1/8", "::1/128"), nil, false},
		"unknown":    {network("192.168.1.5/24"), errors.New("no rights"), false},
	} {
		if allPrivate(c.addrs, c.err) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
