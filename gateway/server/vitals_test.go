package server_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/server"
)

const limitsVariable = "TENDRIL_TEST_LIMITS"

// limited are limits, such as ping=100ms, for the environment of a server.
func limited(limits ...string) string { return limitsVariable + "=" + strings.Join(limits, " ") }

func setLimits(l *server.Limits) {
	for _, limit := range strings.Fields(os.Getenv(limitsVariable)) {
		if *l == (server.Limits{}) {
			*l = server.DefaultLimits()
		}
		name, value, _ := strings.Cut(limit, "=")
		if err := l.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// vitals are what a server process holds.
type vitals struct {
	goroutines int
	heap       int // bytes in use after a collection
}

// tellVitals answers every line that comes in with the vitals of this process.
func tellVitals(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools kept over the first one
		runtime.ReadMemStats(&m)
		fmt.Fprintln(out, runtime.NumGoroutine(), m.HeapAlloc)
	}
}

// vitals asks the server what it holds.
func (n *node) vitals(t testing.TB) (v vitals) {
	t.Helper()
	if _, err := io.WriteString(n.in, "\n"); err != nil {
		t.Fatalf("the server does not listen: %v", err)
	}
	line, err := n.said.ReadString('\n')
	if err != nil {
		t.Fatalf("the server is silent: %v", err)
	}
	if _, err := fmt.Sscan(line, &v.goroutines, &v.heap); err != nil {
		t.Fatalf("vitals %q: %v", line, err)
	}
	return v
}
