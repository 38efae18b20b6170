package ws

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/wire"
)

// One device, one message at a time: two sockets, a session, a codec.
func BenchmarkEcho(b *testing.B) {
	h := open(b)
	d := h.connect("device-1")
	f := wire.Frame{Data: []byte(`{"type":"reading","celsius":21.5,"humidity":40}`)}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Write(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// What the server holds for a connected device that says nothing. The devices
// live in a process of their own.
func BenchmarkIdleConnection(b *testing.B) {
	const n = 1000
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	var heap, stack, resident float64
	for b.Loop() {
		h := open(b)
		before, rss := memory(), residentBytes()
		devices := exec.Command(exe, "idle-devices", strings.TrimPrefix(h.url, "http://"), strconv.Itoa(n))
		in, _ := devices.StdinPipe()
		out, _ := devices.StdoutPipe()
		if err := devices.Start(); err != nil {
			b.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "connected\n" {
			b.Fatalf("devices say %q, %v", line, err)
		}
		after := memory()
		if got := h.hub.Count(); got != n {
			b.Fatalf("%d devices are connected", got)
		}
		heap = (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / n
		stack = (float64(after.StackInuse) - float64(before.StackInuse)) / n
		resident = (residentBytes() - rss) / n
		_ = in.Close()
		_ = devices.Wait()
	}
	b.ReportMetric(heap, "heap-B/conn")
	b.ReportMetric(stack, "stack-B/conn")
	b.ReportMetric(resident, "resident-B/conn")
}

func memory() (m runtime.MemStats) {
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// residentBytes is 0 where the system does not tell.
func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize())
}
