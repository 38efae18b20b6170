package server_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The benchmarks load a real server process over real sockets. They report the
// CPU time of the server and its workers, which the machine's other load does
// not change much, beside the wall time, which it does.

const clockTick = 10 * time.Millisecond // of /proc/<pid>/stat, USER_HZ = 100

// cpu is the CPU time that the server and its children have used.
func (n *node) cpu() time.Duration {
	total := time.Duration(0)
	for _, pid := range append(childrenOf(n.t, n.cmd.Process.Pid), n.cmd.Process.Pid) {
		total += cpuOf(pid)
	}
	return total
}

func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// load plays b.N rounds over some devices, each of which has one message under
// way at a time.
func load(b *testing.B, source string, devices int, acks bool, round func(s *socket, i int)) {
	n := start(b)
	ids := names("d-", devices)
	n.deploy("app", source, ids...)
	sockets := make([]*socket, devices)
	for i, d := range ids {
		sockets[i] = n.connect(d, acks)
		round(sockets[i], -1)
	}
	before := n.cpu()
	b.ResetTimer()
	var all sync.WaitGroup
	for k, s := range sockets {
		all.Go(func() {
			for i := k; i < b.N; i += devices {
				round(s, i)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((n.cpu()-before).Microseconds())/float64(b.N), "server-cpu-µs/op")
}

// BenchmarkEcho answers a message with a command. With acks the command is
// stored and acknowledged, and so is the message.
func BenchmarkEcho(b *testing.B) {
	const source = `export default { onMessage(m, env) { return env.DEVICE.send(m); } };`
	for _, devices := range []int{1, 50} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			load(b, source, devices, false, func(s *socket, _ int) {
				s.say(`{"type":"echo","text":"hello"}`)
				s.hearKind("echo")
			})
		})
		b.Run(fmt.Sprintf("devices=%d/acks", devices), func(b *testing.B) {
			load(b, source, devices, true, func(s *socket, i int) {
				s.say(fmt.Sprintf(`{"type":"echo","$id":"m%d"}`, i))
				s.hearKind("echo")
				s.hearKind("$ack")
			})
		})
	}
}

func BenchmarkDurableKV(b *testing.B) {
	for _, devices := range []int{1, 50} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			load(b, `export default { async onMessage(m, env) {
				await env.DEVICE.kv.put("n", ((await env.DEVICE.kv.get("n")) ?? 0) + 1);
			} };`, devices, true, func(s *socket, i int) {
				s.acked("m"+strconv.Itoa(i), `{"type":"tick"}`)
			})
		})
	}
}

// BenchmarkIdleConnection reports the memory that one connected silent device
// costs, over all processes.
func BenchmarkIdleConnection(b *testing.B) {
	n := start(b)
	const devices = 1000
	ids := names("i-", devices)
	n.deploy("app", `export default { onMessage() {} };`, ids...)
	before := n.pss()
	for _, d := range ids {
		n.connect(d, true)
	}
	for b.Loop() {
	}
	b.ReportMetric(float64(n.pss()-before)/devices, "B/connection")
}

// pss is the proportional memory of the server and its children, in bytes.
func (n *node) pss() int {
	total := 0
	for _, pid := range append(childrenOf(n.t, n.cmd.Process.Pid), n.cmd.Process.Pid) {
		data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, _ := strconv.Atoi(strings.Fields(rest)[0])
				total += kib << 10
			}
		}
	}
	return total
}

// BenchmarkStart reports the time from exec to a server that accepts devices and
// can run an event.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		n := &node{t: b, data: b.TempDir()}
		b.StartTimer()
		n.boot()
		if err := n.Health(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		n.kill()
		b.StartTimer()
	}
}
