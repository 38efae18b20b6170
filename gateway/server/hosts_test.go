package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestConnectionsOwnAddressIsAHost(t *testing.T) {
	t.Parallel()
	h := newHosts(Edge{}, "0.0.0.0:7777")
	local := &net.TCPAddr{IP: net.ParseIP("192.168.1.5"), Port: 7777}
	for host, want := range map[string]bool{
		"192.168.1.5:7777": true, "192.168.1.5": true, "[::ffff:192.168.1.5]:80": true, "192.168.1.6": false, "0.0.0.0:7777": false,
		"192.168.1.5.nip.io": false, "": false,
	} {
		if h.allow(host, local) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
	if named := newHosts(Edge{}, "gate.local:7777"); !named.allow("GATE.local", local) {
		t.Error("the name that it listens under is not its own")
	}
}

func TestClientIsTheLastThatIsNoProxy(t *testing.T) {
	t.Parallel()
	p := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	proxy, stranger := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.9")
	for name, c := range map[string]struct {
		peer      netip.Addr
		forwarded string
		want      string
	}{
		"no header":      {proxy, "", "10.0.0.1"},
		"one hop":        {proxy, "192.0.2.1", "192.0.2.1"},
		"forged first":   {proxy, "198.51.100.1, 192.0.2.1", "192.0.2.1"},
		"two proxies":    {proxy, "192.0.2.1, 10.9.9.9", "192.0.2.1"},
		"nonsense first": {proxy, "unknown, 192.0.2.1", "192.0.2.1"},
		"nonsense last":  {proxy, "192.0.2.1, unknown", "10.0.0.1"},
		"with a port":    {proxy, "192.0.2.1:4711", "192.0.2.1"},
		"IPv6":           {proxy, "[2001:db8::1]:4711", "2001:db8::1"},
		"mapped":         {proxy, "::ffff:192.0.2.1", "192.0.2.1"},
		"stranger":       {stranger, "192.0.2.1", "203.0.113.9"},
	} {
		got, _ := p.client(c.peer, false, http.Header{"X-Forwarded-For": {c.forwarded}})
		if got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// FuzzHost checks that a name is compared in one form, which stays what it is.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost:80", "[::1]:80", "[::1]", "EXAMPLE.com.", "a:b:c", "127.1", "a@b", "%zz", "::1", "a..b", "[fe80::1%25lo]:1"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := hostName(host)
		if !ok {
			return
		}
		if name != strings.ToLower(name) || strings.ContainsAny(name, " /@%\\\x00[]") {
			t.Fatalf("%q is compared as %q", host, name)
		}
		if _, err := netip.ParseAddr(name); err != nil && strings.Contains(name, ":") {
			t.Fatalf("%q is compared as %q", host, name)
		}
	})
}
