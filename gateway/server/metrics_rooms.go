package server

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/runtime/pool"
)

// countEvery spaces the counts of what is stored, which read the disk.
const countEvery = 10 * time.Second

// rooms asks the rooms for their numbers when somebody scrapes. No label names a
// device, a script, a project or an owner: how many series there are does not
// depend on who uses the server.
type rooms struct {
	*server

	mu      sync.Mutex
	counted time.Time
	queued  int64
}

// Describe makes the collector an unchecked one: what there is depends on what
// has happened.
func (c *rooms) Describe(chan<- *prometheus.Desc) {}

func (c *rooms) Collect(out chan<- prometheus.Metric) {
	m := sink{out}
	ready := 0.0
	if code, _ := c.unready(); code == "" {
		ready = 1
	}
	m.gauge("tendril_ready", "Whether new devices are welcome.", ready)
	m.gauge("tendril_build_info", "The version of the program.", 1, "version", c.Version)
	m.gateway(c.hub.Stats())
	m.dispatch(c.dispatcher.Stats())
	m.database(c.db.Stats(), c.outbox())
	m.workers(c.workers.Stats())
}

// outbox is the number of commands that wait, as of a while ago at most.
func (c *rooms) outbox() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.counted) >= countEvery {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if n, err := c.db.QueuedCommands(ctx); err == nil {
			c.queued, c.counted = n, time.Now()
		}
	}
	return c.queued
}

// sink makes metrics of numbers.
type sink struct{ out chan<- prometheus.Metric }

func (m sink) gauge(name, help string, value float64, labels ...string) {
	m.put(prometheus.GaugeValue, name, help, value, labels)
}

func (m sink) counter(name, help string, value float64, labels ...string) {
	m.put(prometheus.CounterValue, name, help, value, labels)
}

func (m sink) put(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	names, values := split(labels)
	m.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}

// split takes labels apart: a name, its value, a name, ….
func split(labels []string) (names, values []string) {
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return names, values
}

func (m sink) histogram(name, help string, h sqlite.Histogram) {
	buckets, total := make(map[float64]uint64, len(h.Bounds)), uint64(0)
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = total
		}
	}
	m.out <- prometheus.MustNewConstHistogram(prometheus.NewDesc(name, help, nil, nil), total, h.Sum, buckets)
}

func (m sink) gateway(s gateway.Stats) {
	m.gauge("tendril_sessions", "Devices that are connected.", float64(s.Sessions))
	m.counter("tendril_sessions_opened_total", "Sessions that began.", float64(s.Opened))
	for code, n := range s.Closed {
		m.counter("tendril_sessions_closed_total", "Sessions that ended, by close code; 0 is a lost connection.", float64(n),
			"code", strconv.Itoa(int(code)))
	}
	m.counter("tendril_frames_refused_total", "Frames of devices that were refused.", float64(s.Refused))
	const frames, bytes = "Frames from and to devices.", "Bytes of frames from and to devices."
	m.counter("tendril_frames_total", frames, float64(s.FramesIn), "direction", "in")
	m.counter("tendril_frames_total", frames, float64(s.FramesOut), "direction", "out")
	m.counter("tendril_frame_bytes_total", bytes, float64(s.BytesIn), "direction", "in")
	m.counter("tendril_frame_bytes_total", bytes, float64(s.BytesOut), "direction", "out")
}

func (m sink) dispatch(s dispatch.Stats) {
	for e, n := range s.Events {
		m.counter("tendril_events_total", "Events by what woke the script and what became of it.", float64(n),
			"kind", string(e.Kind), "outcome", e.Outcome)
	}
	m.gauge("tendril_mailboxes", "Devices with a mailbox in memory.", float64(s.Mailboxes))
	m.gauge("tendril_mailbox_events", "Events that wait in mailboxes.", float64(s.Waiting))
	m.gauge("tendril_mailbox_bytes", "Bytes of events that wait in mailboxes.", float64(s.WaitingBytes))
}

func (m sink) database(s sqlite.Stats, queued int64) {
	m.gauge("tendril_outbox_commands", "Commands that wait for their devices.", float64(queued))
	m.histogram("tendril_commit_batch_size", "Writes that shared a transaction.", s.BatchSize)
	m.histogram("tendril_commit_seconds", "Time of a transaction, its sync to the disk included.", s.BatchDuration)
	m.counter("tendril_commit_failed_total", "Writes that were not committed.", float64(s.Failed))
	m.counter("tendril_database_reopened_total", "How often the main file was opened again after an error.", float64(s.Reopened))
	m.gauge("tendril_database_synchronous", "How commits wait for the disk, as SQLite counts it: 2 is FULL.", float64(s.Synchronous))
	m.gauge("tendril_commit_waiting", "Writes that wait for a transaction.", float64(s.Waiting))
	const lines = "Log lines of scripts that were not kept."
	m.counter("tendril_log_lines_dropped_total", lines, float64(s.LinesDropped), "why", "bound")
	m.counter("tendril_log_lines_dropped_total", lines, float64(s.LinesLost), "why", "error")
}

func (m sink) workers(s pool.Stats) {
	for role, n := range s.Workers {
		m.gauge("tendril_workers", "Worker processes, by what they are kept for.", float64(n), "role", role)
	}
	m.counter("tendril_worker_spawns_total", "Processes that were started for events and trials.", float64(s.Spawned))
	for rule, n := range s.Ended {
		m.counter("tendril_worker_ends_total", "Processes that ended, by the rule that ended them.", float64(n), "rule", rule)
	}
	m.counter("tendril_worker_turns_total", "Turns of events that workers ran.", float64(s.Turns))
	m.counter("tendril_quarantine_total", "Events that were sent to run alone.", float64(s.Lone))
	m.gauge("tendril_worker_events", "Events in the hands of workers.", float64(s.Running))
	m.gauge("tendril_worker_waiting", "Events that wait for room in a worker.", float64(s.Waiting))
}
