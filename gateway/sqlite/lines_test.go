package sqlite

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/logs"
)

func TestCloseFlushesLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("line %d", i))
		say(d, key, 1, want[i])
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, Options{})
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 100}).Rows, want...)
}

func TestAFullQueueOfLinesMakesCallersWait(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	waiting := func() int {
		d.lines.mu.Lock()
		defer d.lines.mu.Unlock()
		return d.lines.bytes
	}
	const size = 60_000
	text := strings.Repeat("x", size)
	count := 2*maxWaiting/size + 3

	release := hold(d) // the first flush has to register its file
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range count {
			say(d, key, 1, text)
		}
	}()
	for waiting() < maxWaiting-2*size {
		runtime.Gosched()
	}
	select {
	case <-done:
		t.Fatal("nobody waited")
	default:
	}
	if n := waiting(); n > maxWaiting {
		t.Fatalf("%d bytes wait", n)
	}
	release()
	<-done
	settle(t, d)
	if n := len(read(t, d, logs.Query{Device: key, Limit: logs.MaxLimit}).Rows); n != count {
		t.Fatalf("%d rows, want %d", n, count)
	}
}

func TestLinesOfAnUnknownDeviceHoldNothingUp(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	say(d, device.Key{Project: key.Project, ID: "unknown"}, 1, "lost")
	say(d, key, 1, "kept")
	settle(t, d)
	wantMessages(t, read(t, d, logs.Query{Device: key, Limit: 10}).Rows, "kept")
}
