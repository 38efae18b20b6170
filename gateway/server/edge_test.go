package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/server"
)

func TestListenerThatShowsTokensNeedsToBeAskedFor(t *testing.T) {
	t.Parallel()
	err := server.Run(t.Context(), server.Config{Data: t.TempDir(), Listen: "0.0.0.0:0", Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, server.ErrExposed) {
		t.Fatalf("it listens: %v", err)
	}
	if !strings.Contains(err.Error(), "0.0.0.0") && !strings.Contains(err.Error(), "[::]") {
		t.Errorf("the error does not say where: %v", err)
	}
	serveInside(t, func(c *server.Config) { c.Listen, c.Insecure = "0.0.0.0:0", true })
}

func TestEdgeRefusesWhatMeansNothing(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]server.Edge{
		"certificate alone": {TLSCert: "cert.pem"},
		"key alone":         {TLSKey: "key.pem"},
		"no such files":     {TLSCert: "/nowhere/cert.pem", TLSKey: "/nowhere/key.pem"},
		"public URL":        {PublicURL: "tendril.example"},
		"public user":       {PublicURL: "https://user:pass@tendril.example"},
		"host with port":    {AllowHosts: []string{"tendril.example:80"}},
		"host with star":    {AllowHosts: []string{"*"}},
		"origin path":       {AllowOrigins: []string{"https://app.example/"}},
		"origin null":       {AllowOrigins: []string{"null"}},
		"connections":       {MaxConnections: -1},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := server.Run(ctx, server.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Edge: e, Ready: func(string) { cancel() }})
		cancel()
		if err == nil {
			t.Errorf("%s: it served", name)
		}
	}
}

func TestOnlyItsOwnNamesReachTheServer(t *testing.T) {
	t.Parallel()
	s := serveInside(t, func(c *server.Config) {
		c.AllowHosts = []string{"Gate.Example"}
		c.PublicURL = "https://tendril.example:8443/x"
	})
	token := s.addDevice("lamp")
	_, port, _ := net.SplitHostPort(s.addr)
	for host, want := range map[string]int{
		s.addr: 200, "localhost": 200, "localhost:" + port: 200, "LOCALHOST.:1": 200, "[::1]:" + port: 200, "127.0.0.9": 200,
		"gate.example": 200, "GATE.example.:80": 200, "tendril.example": 200, "tendril.example:8443": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "gate.example.evil": 421,
		"192.0.2.7": 421, "0.0.0.0": 421, "[::]": 421, "127.1": 421, "2130706433": 421, "user@localhost": 421, "local\\host": 421,
		"localhost:x": 421, "[::1%25lo]": 421, "": 400,
	} {
		if got := s.ask("GET", "GET /health HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); got.status != want {
			// net/http itself refuses what is no host at all.
			if !(want == 421 && got.status == 400) {
				t.Errorf("host %q: %d %s", host, got.status, got.body)
			}
		}
		upgraded := s.ask("GET", upgrade(host, token))
		if (upgraded.status == 101) != (want == 200) || want != 200 && upgraded.status != want && upgraded.status != 400 {
			t.Errorf("socket for host %q: %d %s", host, upgraded.status, upgraded.body)
		}
	}
	if got := s.ask("GET", "GET http://evil.example/health HTTP/1.1\r\nHost: "+s.addr+"\r\n\r\n"); got.status != 421 {
		t.Errorf("a foreign host in the request line: %d", got.status)
	}
	made, err := s.CreateDevice(t.Context(), "home", newDevice("second", "light"))
	if err != nil || made.URL != "wss://tendril.example:8443/x/v1/connect" {
		t.Errorf("devices are sent to %q, %v", made.URL, err)
	}
}

// upgrade is a device's handshake.
func upgrade(host, token string, headers ...string) string {
	return "GET /v1/connect HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
		strings.Join(append(headers, "\r\n"), "\r\n")
}

func TestAllAnswersForbidWhatNoneNeeds(t *testing.T) {
	t.Parallel()
	s := serveInside(t, nil)
	for name, text := range map[string]string{
		"list":         s.head("GET /v1/projects"),
		"health":       "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"document":     "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"unauthorized": "GET /v1/projects HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"missing":      s.head("GET /nothing"),
		"wrong method": s.head("DELETE /health"),
		"wrong host":   "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"no upgrade":   s.head("GET /v1/connect"),
		"options":      s.head("OPTIONS /v1/projects", "Origin: https://evil.example", "Access-Control-Request-Method: POST"),
		"cross origin": s.head("GET /v1/projects", "Origin: https://evil.example"),
	} {
		got := s.ask("GET", text)
		if got.status == 0 || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" ||
			!strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") ||
			!strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
		for header := range got.header {
			if strings.HasPrefix(header, "Access-Control-") || header == "Set-Cookie" || header == "Server" {
				t.Errorf("%s: header %s", name, header)
			}
		}
	}
}

func TestAllowedOriginsMayUseTheServer(t *testing.T) {
	t.Parallel()
	s := serveInside(t, func(c *server.Config) { c.AllowOrigins = []string{"https://app.example"} })
	token := s.addDevice("lamp")
	for origin, want := range map[string]string{
		"https://app.example": "https://app.example", "https://app.example.evil.tld": "", "http://app.example": "", "null": "", "https://app.example:444": "",
	} {
		got := s.ask("GET", s.head("GET /v1/projects", "Origin: "+origin))
		if got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != want || got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", origin, got.status, got.header)
		}
		asked := s.ask("OPTIONS", "OPTIONS /v1/projects HTTP/1.1\r\nHost: localhost\r\nOrigin: "+origin+"\r\nAccess-Control-Request-Method: POST\r\n\r\n")
		if asked.status != 204 || asked.header.Get("Access-Control-Allow-Origin") != want ||
			(want != "") != strings.Contains(asked.header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight of %s: %d %v", origin, asked.status, asked.header)
		}
		socket := s.ask("GET", upgrade(s.addr, token, "Origin: "+origin))
		if (socket.status == 101) != (want != "") || want == "" && socket.status != 403 {
			t.Errorf("socket of %s: %d", origin, socket.status)
		}
	}
}

func TestProxyIsBelievedWhereItIsTrusted(t *testing.T) {
	t.Parallel()
	trusting := serveInside(t, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	plain := serveInside(t, nil)
	body := `{"device_id":"%","script":"light"}`
	for i, c := range []struct {
		s      *inside
		scheme string
		want   string
	}{{trusting, "https", "wss://"}, {trusting, "http", "ws://"}, {trusting, "http, https", "wss://"}, {plain, "https", "ws://"}} {
		text := strings.Replace(body, "%", string(rune('a'+i)), 1)
		got := c.s.ask("POST", c.s.head("POST /v1/projects/home/devices", "X-Forwarded-Proto: "+c.scheme,
			"Content-Type: application/json", "Content-Length: "+strconv.Itoa(len(text)))+text)
		if got.status != 201 || !strings.Contains(got.body, `"url":"`+c.want+c.s.addr) {
			t.Errorf("%s: %d %s", c.scheme, got.status, got.body)
		}
	}
	// The failures of one client of the proxy are not those of another.
	wrong := func(s *inside, forwarded string) int {
		return s.ask("GET", "GET /v1/projects HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: "+forwarded+"\r\n\r\n").status
	}
	refused := 0
	for range 30 {
		// What the client wrote itself stands first.
		if wrong(trusting, "198.51.100.9, 192.0.2.1, 127.0.0.1") == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("30 failures of one client are not too many")
	}
	for _, other := range []string{"192.0.2.2", "198.51.100.9", "[2001:db8::1]:99"} {
		if got := wrong(trusting, other); got != 401 {
			t.Errorf("%s: %d", other, got)
		}
	}
	refused = 0
	for i := range 30 {
		if wrong(plain, "192.0.2."+string(rune('0'+i%10))) == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a header of somebody who is no proxy hides who fails")
	}
}
