package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
)

// BenchmarkRecovery reports the time from exec to a server that is ready, on a
// directory with 100,000 devices and 1,000,000 queued commands whose last server
// was killed in the middle of its work.
func BenchmarkRecovery(b *testing.B) {
	const devices, commands = 100_000, 10 // of each
	n := start(b)
	if err := n.terminate(); err != nil {
		b.Fatal(err)
	}
	furnish(b, n.data, devices, commands)
	n.boot()
	for b.Loop() {
		b.StopTimer()
		for i := range 100 { // what is left in the write-ahead log
			if _, err := n.Send(b.Context(), "home", fmt.Sprintf("d-%d", i), newCommand(i, "newest")); err != nil {
				b.Fatal(err)
			}
		}
		n.kill()
		b.StartTimer()
		n.boot()
		if status, body := n.get("/ready"); status != 200 {
			b.Fatalf("not ready: %d %s", status, body)
		}
	}
	if got := n.metrics()["tendril_outbox_commands"]; got < devices*commands {
		b.Fatalf("%v commands are queued", got)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/ready")
}

// furnish fills a data directory through the store's own door.
func furnish(b *testing.B, dir string, devices, commands int) {
	b.Helper()
	ctx := context.Background()
	d, err := sqlite.Open(ctx, dir, sqlite.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	p, err := d.Project(ctx, "default", "home")
	if err != nil {
		b.Fatal(err)
	}
	one := func(i int) error {
		key := device.Key{Project: p.ID, ID: fmt.Sprintf("d-%d", i)}
		hash := [32]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}
		if _, err := d.CreateDevice(ctx, key, "app", hash); err != nil {
			return err
		}
		_, rev, err := d.Load(ctx, key, d.Epoch())
		if err != nil {
			return err
		}
		c := dispatch.Change{Key: key, Epoch: d.Epoch(), Expect: rev}
		for k := range commands {
			c.Outbox = append(c.Outbox, dispatch.OutboxChange{Verb: dispatch.Add, Stored: dispatch.Stored{
				Body: fmt.Appendf(nil, `{"type":"command","n":%d}`, k), Expires: 1 << 50,
			}})
		}
		_, err = d.Commit(ctx, c)
		return err
	}
	const hands = 256
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := hand; i < devices; i += hands {
				if err := one(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}
