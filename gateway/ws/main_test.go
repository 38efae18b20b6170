package ws

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "idle-devices" {
		idleDevices(os.Args[2], os.Args[3])
		return
	}
	goleak.VerifyTestMain(m)
}

// idleDevices opens connections from a process of their own, says so, and keeps
// them until standard input ends.
func idleDevices(address, count string) {
	var n int
	if _, err := fmt.Sscan(count, &n); err != nil {
		panic(err)
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(c, "GET /v1/connect HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer device-%d\r\nUser-Agent: board/1.0\r\n"+
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", address, i)
		conns[i] = c
	}
	for _, c := range conns {
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			panic(err)
		}
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
