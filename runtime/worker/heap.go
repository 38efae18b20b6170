package worker

import (
	goruntime "runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// heap watches the memory of the process. It belongs to the watchdog.
type heap struct {
	base, most uint64 // bytes at the start and at most; 0: no limit
	now, last  uint64 // bytes at this look and the one before, garbage included
	sample     [1]metrics.Sample

	collecting atomic.Bool
	finding    atomic.Int32
}

// What collections have found of a heap over its limit.
const (
	garbage   int32 = iota // or nothing yet
	full                   // once: the turn that fills it is interrupted
	stillFull              // and again
)

// gcPercent trades memory for CPU time: realms are short-lived garbage.
const gcPercent = 400

// limit lets the process use this many bytes over what it uses now. Close to the
// limit the collector is quick.
func (h *heap) limit(over uint64) {
	debug.SetGCPercent(gcPercent)
	if over == 0 {
		return
	}
	h.sample[0].Name = "/memory/classes/heap/objects:bytes"
	h.base = measure(&h.sample)
	h.most = h.base + over/4*3
	debug.SetMemoryLimit(int64(h.base + over/2))
	limitData(over)
}

// measure counts what the collector has not yet freed, too.
func measure(sample *[1]metrics.Sample) uint64 {
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}

// look measures the heap. Over the limit it has a collection find out how much
// of it is garbage.
func (h *heap) look() {
	if h.most == 0 {
		return
	}
	h.last, h.now = h.now, measure(&h.sample)
	switch {
	case h.now <= h.most:
		if !h.collecting.Load() {
			h.finding.Store(garbage)
		}
	case h.finding.Load() < stillFull && h.collecting.CompareAndSwap(false, true):
		go h.collect()
	}
}

func (h *heap) collect() {
	defer h.collecting.Store(false)
	goruntime.GC()
	sample := [1]metrics.Sample{{Name: h.sample[0].Name}}
	if measure(&sample) <= h.most {
		h.finding.Store(garbage)
	} else {
		h.finding.Add(1)
	}
}

// judge says whether a turn is to be interrupted, and whether the worker has to
// end. A turn that alone made half of a heap over its limit is interrupted at
// once; one that made a quarter, when collections have shown that the heap is not
// full of garbage. A heap that stays full ends the worker: who filled it is not
// known.
func (h *heap) judge(t *turning) (interrupt, end bool) {
	if h.most == 0 {
		return false, false
	}
	if t.heap == 0 {
		t.heap = min(h.last, h.now)
	}
	if h.now <= h.most {
		return false, false
	}
	finding := h.finding.Load()
	share := (h.most - h.base) / 2
	if finding > garbage {
		share /= 2
	}
	return h.now > t.heap+share, finding == stillFull
}
