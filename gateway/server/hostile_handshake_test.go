package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestHostileHandshakes(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	admin := v.Token
	with := func(lines ...string) string { return v.request(lines...) }
	tests := []struct {
		name    string
		request string
		status  []int // 0 is a close without an answer
	}{
		{"no upgrade", with("Upgrade:", "Connection:"), []int{426}},
		{"version 8", with("Sec-WebSocket-Version: 8"), []int{400}},
		{"two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), []int{400}},
		{"HTTP/1.0", strings.Replace(with(), "HTTP/1.1", "HTTP/1.0", 1), []int{426}},
		{"foreign origin", with("Origin: https://evil.example"), []int{403}},
		{"null origin", with("Origin: null"), []int{403}},
		{"origin that begins well", with("Origin: http://" + v.address + ".evil.tld"), []int{403}},
		{"two origins", with("Origin: http://"+v.address, "Origin: https://evil.example"), []int{403}},
		{"no credential", with("Authorization:"), []int{401}},
		{"API token", with("Authorization: Bearer " + admin), []int{401}},
		{"token with a newline", with("Authorization: Bearer " + v.token[:8] + "\n" + v.token[8:]), []int{400}},
		{"token with a NUL", with("Authorization: Bearer " + v.token[:8] + "\x00" + v.token[8:]), []int{400}},
		{"token with a space", with("Authorization: Bearer " + v.token[:8] + " " + v.token[8:]), []int{400}},
		{"token of 64 KiB", with("Authorization: Bearer " + strings.Repeat("t", 64<<10)), []int{431}},
		{"offered token of 64 KiB", with("Authorization:", "Sec-WebSocket-Protocol: tendril.v1.json, bearer."+strings.Repeat("t", 64<<10)), []int{431}},
		{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x5a", 500), []int{400, 0}},
		{"unknown subprotocol", with("Sec-WebSocket-Protocol: mqtt, tendril.v9.cbor"), []int{101}},
		{"extension garbage", with("Sec-WebSocket-Extensions: permessage-deflate; x=%%, ;;=\"garbage"), []int{101}},
		{"lower case and odd spacing", strings.NewReplacer("Authorization: ", "authorization:  \t", "Sec-WebSocket-Key: ", "sec-websocket-key:\t ",
			"Connection: Upgrade", "connection:keep-alive ,\tUPGRADE ", "Upgrade: websocket", "upgrade:WebSocket").Replace(with()), []int{101}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := v.open(t, tt.request)
			status, header := r.answer()
			ok := false
			for _, want := range tt.status {
				ok = ok || status == want
			}
			if !ok {
				t.Fatalf("status %d, want %d", status, tt.status)
			}
			if status == http.StatusSwitchingProtocols {
				if header.Get("Sec-Websocket-Protocol")+header.Get("Sec-Websocket-Extensions") != "" {
					t.Errorf("agreed to %v", header)
				}
				r.hear()
			}
			_ = r.Close()
			v.unharmed(t)
		})
	}
	t.Run("frames before the answer", func(t *testing.T) {
		r := v.open(t, v.request()+rawFrame(0x81, `{"type":"early","$id":"e-1"}`)+rawFrame(0x81, `{"type":"early","$id":"e-2"}`))
		if status, _ := r.answer(); status != http.StatusSwitchingProtocols {
			t.Fatalf("status %d", status)
		}
		for _, id := range []string{"e-1", "e-2"} {
			if got := r.hearKind("$ack"); got["$id"] != id {
				t.Errorf("heard %v, want the acknowledgement of %s", got, id)
			}
		}
		_ = r.Close()
		v.unharmed(t)
	})
	t.Run("50 at once", func(t *testing.T) {
		const n = 50
		codes := make(chan int, n)
		var all sync.WaitGroup
		conns := make(chan raw, n)
		for range n {
			all.Go(func() {
				r := v.open(t, v.request())
				if status, _ := r.answer(); status != http.StatusSwitchingProtocols {
					t.Errorf("status %d", status)
				}
				conns <- r
			})
		}
		all.Wait()
		close(conns)
		for r := range conns {
			all.Go(func() { codes <- quietly(r).closed() })
		}
		for i := range n - 1 {
			if code := <-codes; code != 4001 {
				t.Errorf("connection %d was closed with %d", i, code)
			}
		}
		if d, err := v.Device(t.Context(), "home", "prey"); err != nil || !d.Connected {
			t.Errorf("the last one is not online: %+v, %v", d, err)
		}
		v.serves(t, "takes over")
		if code := <-codes; code != 4001 {
			t.Errorf("the last one was closed with %d", code)
		}
		v.unharmed(t)
	})
}

// quietly is a connection of which nothing is kept, so that many may be read at
// once.
func quietly(r raw) raw {
	r.v = &victim{}
	return r
}
