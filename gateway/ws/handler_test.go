package ws

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

// upgradeHeaders are those of a correct request, which a test adds to or changes.
func upgradeHeaders() http.Header {
	return http.Header{
		"Connection":            {"Upgrade"},
		"Upgrade":               {"websocket"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
}

func TestRequestsThatAreNotAdmittedGetAnExactAnswer(t *testing.T) {
	t.Parallel()
	h := open(t, func(h *Handler, _ *wire.Limits) { h.Origins = []string{"https://app.example"} })
	type header = map[string][]string
	const good = "Bearer device-1"
	tests := []struct {
		name   string
		method string
		change header // nil removes
		status int
		code   string
	}{
		{"no credential", "GET", header{}, 401, "unauthorized"},
		{"unknown token", "GET", header{"Authorization": {"Bearer tdt_unknown"}}, 401, "unauthorized"},
		{"API token", "GET", header{"Authorization": {"Bearer tat_any"}}, 401, "unauthorized"},
		{"empty token", "GET", header{"Authorization": {"Bearer "}}, 401, "unauthorized"},
		{"other scheme", "GET", header{"Authorization": {"Basic ZGV2aWNlLTE6"}}, 401, "unauthorized"},
		{"token with a space", "GET", header{"Authorization": {"Bearer device-1 device-1"}}, 400, "bad_request"},
		{"unknown offered token", "GET", header{"Sec-Websocket-Protocol": {"tendril.v1.json, bearer.nobody"}}, 401, "unauthorized"},
		{"two headers", "GET", header{"Authorization": {good, good}}, 400, "two_credentials"},
		{"header and offer", "GET", header{"Authorization": {good}, "Sec-Websocket-Protocol": {"tendril.v1.json, bearer.device-1"}}, 400, "two_credentials"},
		{"two offers", "GET", header{"Sec-Websocket-Protocol": {"tendril.v1.json, bearer.device-1", "bearer.device-1"}}, 400, "two_credentials"},
		{"offer without dialect", "GET", header{"Sec-Websocket-Protocol": {"bearer.device-1"}}, 400, "bad_request"},
		{"no upgrade", "GET", header{"Authorization": {good}, "Connection": nil, "Upgrade": nil}, 426, "upgrade_required"},
		{"no upgrade, no credential", "GET", header{"Connection": nil, "Upgrade": nil}, 426, "upgrade_required"},
		{"no upgrade, bad token", "GET", header{"Authorization": {"Bearer nobody"}, "Connection": nil, "Upgrade": nil}, 401, "unauthorized"},
		{"other upgrade", "GET", header{"Authorization": {good}, "Upgrade": {"h2c"}}, 426, "upgrade_required"},
		{"version 8", "GET", header{"Authorization": {good}, "Sec-Websocket-Version": {"8"}}, 400, "bad_request"},
		{"no key", "GET", header{"Authorization": {good}, "Sec-Websocket-Key": nil}, 400, "bad_request"},
		{"short key", "GET", header{"Authorization": {good}, "Sec-Websocket-Key": {"AAAA"}}, 400, "bad_request"},
		{"two keys", "GET", header{"Authorization": {good}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="}}, 400, "bad_request"},
		{"foreign origin", "GET", header{"Authorization": {good}, "Origin": {"https://evil.example"}}, 403, "foreign_origin"},
		{"null origin", "GET", header{"Authorization": {good}, "Origin": {"null"}}, 403, "foreign_origin"},
		{"origin that begins well", "GET", header{"Authorization": {good}, "Origin": {"https://app.example.evil.tld"}}, 403, "foreign_origin"},
		{"allowed host, other scheme", "GET", header{"Authorization": {good}, "Origin": {"http://app.example"}}, 403, "foreign_origin"},
		{"POST", "POST", header{"Authorization": {good}}, 405, "method_not_allowed"},
		{"DELETE without anything", "DELETE", header{"Connection": nil, "Upgrade": nil}, 405, "method_not_allowed"},
		{"long token", "GET", header{"Authorization": {"Bearer device-" + strings.Repeat("1", 1<<10)}}, 431, "token_too_long"},
		{"long offer", "GET", header{"Sec-Websocket-Protocol": {"tendril.v1.json, bearer.device-" + strings.Repeat("1", 1<<10)}}, 431, "token_too_long"},
		{"store that does not answer", "GET", header{"Authorization": {"Bearer device-broken"}}, 503, "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, h.url+"/v1/connect?token=device-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = upgradeHeaders()
			for name, values := range tt.change {
				req.Header[name] = values
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			var p map[string]any
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if p["code"] != tt.code || p["success"] != false || p["error"] == "" || p["status"] != float64(tt.status) || p["detail"] != p["error"] {
				t.Errorf("problem: %s", body)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			for name, on := range map[string]int{"Allow": 405, "Upgrade": 426, "Www-Authenticate": 401, "Retry-After": 503} {
				if (resp.Header.Get(name) != "") != (tt.status == on) {
					t.Errorf("status %d with %s %q", tt.status, name, resp.Header.Get(name))
				}
			}
			if strings.Contains(string(body), "device-1") {
				t.Errorf("a credential is echoed: %s", body)
			}
		})
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
}

func TestDrainingServerAdmitsNobody(t *testing.T) {
	t.Parallel()
	h := open(t, func(h *Handler, _ *wire.Limits) { h.Draining = func() bool { return true } })
	_, err := Dial(t.Context(), h.url, DialOptions{Token: "device-1"})
	if r, ok := err.(*RefusedError); !ok || r.Status != 503 || r.Code != "unavailable" {
		t.Errorf("got %v", err)
	}
}

func TestSubprotocolIsChosenAndTokensAreNotEchoed(t *testing.T) {
	t.Parallel()
	h := open(t)
	tests := []struct {
		offers []string
		token  string
		want   string
	}{
		{nil, "device-1", ""},
		{[]string{"tendril.v1.json"}, "device-2", "tendril.v1.json"},
		{[]string{"tendril.v1.json", "bearer.device-3"}, "", "tendril.v1.json"},
		{[]string{"bearer.device-4", "tendril.v1.json"}, "", "tendril.v1.json"},
		{[]string{"mqtt", "tendril.v9.cbor", "tendril.v1.json"}, "device-5", "tendril.v1.json"},
		{[]string{"mqtt"}, "device-6", ""},
	}
	for _, tt := range tests {
		c, err := Dial(t.Context(), h.url, DialOptions{Token: tt.token, Subprotocols: tt.offers})
		if err != nil {
			t.Errorf("%q: %v", tt.offers, err)
			continue
		}
		if got := c.Subprotocol(); got != tt.want {
			t.Errorf("%q: chosen %q", tt.offers, got)
		}
		c.Close(1000, "")
	}
}

func TestAllowedOriginsConnect(t *testing.T) {
	t.Parallel()
	h := open(t, func(h *Handler, _ *wire.Limits) { h.Origins = []string{"https://app.example"} })
	for _, origin := range []string{h.url, "https://app.example", "https://APP.example"} {
		c, err := Dial(t.Context(), h.url, DialOptions{Token: "device-1", Header: http.Header{"Origin": {origin}}})
		if err != nil {
			t.Errorf("%s: %v", origin, err)
			continue
		}
		c.Close(1000, "")
	}
}

func TestOldHTTPIsAskedToUpgrade(t *testing.T) {
	t.Parallel()
	h := open(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "GET /v1/connect HTTP/1.0\r\nAuthorization: Bearer device-1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, " 426 ") {
		t.Errorf("answer %q, %v", line, err)
	}
}
