package sqlite

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// window is how many ids a device keeps; beyond it each message forgets one.
const window = 1024

// message is what a message with an id and one put commits.
func message(n int) dispatch.Change {
	c := dispatch.Change{KV: put("last", fmt.Sprintf(`{"celsius":21.5,"n":%d}`, n)),
		Seen: []dispatch.Seen{{ID: fmt.Sprintf("m-%d", n), Status: "ok", At: int64(n)}}}
	if n >= window {
		c.Forget = []string{fmt.Sprintf("m-%d", n-window)}
	}
	return c
}

func BenchmarkCommitLone(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	o := mustOwn(b, d, addDevice(b, d, project(b, d).ID, "d"))
	for n := 0; b.Loop(); n++ {
		if err := o.commit(message(n)); err != nil {
			b.Fatal(err)
		}
	}
	reportCommits(b)
}

func BenchmarkCommit50(b *testing.B)  { commitMany(b, 50) }
func BenchmarkCommit500(b *testing.B) { commitMany(b, 500) }

// commitMany commits messages of many devices at once.
func commitMany(b *testing.B, devices int) {
	d := open(b, b.TempDir(), Options{})
	p := project(b, d)
	owners := make([]*owned, devices)
	for i := range owners {
		owners[i] = mustOwn(b, d, addDevice(b, d, p.ID, fmt.Sprintf("d%d", i)))
	}
	each := b.N/devices + 1
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	var group sync.WaitGroup
	for _, o := range owners {
		group.Go(func() {
			for n := range each {
				if err := o.commit(message(n)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1e3/float64(each*devices), "cpu-µs/commit")
	b.ReportMetric(float64(each*devices)/b.Elapsed().Seconds(), "commits/s")
}

func reportCommits(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

func BenchmarkAppendLines(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	p := project(b, d)
	recs := make([]logs.Record, 50)
	for i := range recs {
		recs[i] = logs.Record{Device: addDevice(b, d, p.ID, fmt.Sprintf("d%d", i)), Script: "thermostat", Version: 1, EventID: "m-1",
			Kind: runtime.Message, Lines: []runtime.Line{line(runtime.Info, d.now(), "too warm "+strings.Repeat("x", 40))}}
		recs[i].Lines[0].Fields = []byte(`{"celsius":31.5,"last":29}`)
		mustOwn(b, d, recs[i].Device)
	}
	b.ReportAllocs()
	before := cpu()
	for n := 0; b.Loop(); n++ {
		d.Append(recs[n%len(recs)])
	}
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/line")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkLoad(b *testing.B) {
	d := open(b, b.TempDir(), Options{})
	o := mustOwn(b, d, addDevice(b, d, project(b, d).ID, "d"))
	for n := range 100 {
		if err := o.commit(message(n)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		mustOwn(b, d, o.key)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	if err := open(b, dir, Options{}).Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := open(b, dir, Options{}).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
