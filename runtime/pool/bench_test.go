package pool

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// counter is a host that counts and keeps nothing.
type counter struct{ inv *runtime.Invocation }

func (c counter) Read(r runtime.Read) runtime.ReadResult { return runtime.ReadResult{ID: r.ID} }
func (c counter) Restart() *runtime.Invocation           { return c.inv }
func (c counter) Segment(context.Context, *runtime.Segment) (*runtime.Resume, error) {
	return nil, nil
}

// BenchmarkRunEcho measures an event that answers with one command, and says how
// much CPU time it costs over this process and its children.
func BenchmarkRunEcho(b *testing.B) {
	for _, procs := range envInts("POOL_PROCS", 0) {
		for _, runners := range envInts("POOL_RUNNERS", 1) {
			for _, hosts := range []int{1, 50} {
				b.Run(fmt.Sprintf("hosts=%d/procs=%d/runners=%d", hosts, procs, runners), func(b *testing.B) {
					benchmark(b, Config{Procs: procs, Runners: runners}, hosts, script(echo))
				})
			}
		}
	}
}

// BenchmarkRunNothing is the pool's own cost: a handler that does nothing.
func BenchmarkRunNothing(b *testing.B) {
	for _, hosts := range []int{1, 50} {
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			benchmark(b, Config{Args: []string{"liar", "honest"}}, hosts, script(""))
		})
	}
}

func benchmark(b *testing.B, cfg Config, hosts int, code Code) {
	p := newPool(b, cfg)
	ready(b, p)
	inv := func(i int) *runtime.Invocation { return event(fmt.Sprint(i), `{"type":"reading","value":21.5}`) }
	for i := range 200 { // compiled and warm in every worker
		if err := p.Run(context.Background(), inv(i), code, counter{inv(i)}); err != nil {
			b.Fatal(err)
		}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	before := cpuTime(p)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range hosts {
		group.Go(func() {
			c := counter{inv(i)}
			for left.Add(-1) >= 0 {
				if err := p.Run(context.Background(), c.inv, code, c); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(cpuTime(p)-before)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
}

// cpuTime is that of this process and the pool's children, where /proc tells.
func cpuTime(p *Pool) (sum time.Duration) {
	for _, pid := range append(p.pids(), os.Getpid()) {
		for _, cpu := range threadTimes(pid) {
			sum += cpu
		}
	}
	return sum
}

func envInts(name string, otherwise int) (list []int) {
	for _, s := range strings.Fields(os.Getenv(name)) {
		if n, err := strconv.Atoi(s); err == nil {
			list = append(list, n)
		}
	}
	if list == nil {
		return []int{otherwise}
	}
	return list
}
