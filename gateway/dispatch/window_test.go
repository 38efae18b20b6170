package dispatch

import (
	"strconv"
	"testing"
	"time"
)

func TestWindowKeepsTheNewestIDsAndNoneOlderThanADay(t *testing.T) {
	t.Parallel()
	var w window
	now := time.UnixMilli(1_800_000_000_000)
	total := windowIDs + windowBatch
	for i := range total - 1 {
		w.put(Seen{ID: strconv.Itoa(i), Status: seenOk, At: now.UnixMilli()})
	}
	if stale := w.stale(now); stale != nil {
		t.Fatalf("pruned %d ids before there was a batch", len(stale))
	}
	w.put(Seen{ID: strconv.Itoa(total - 1), Status: seenOk, At: now.UnixMilli()})
	stale := w.stale(now)
	if len(stale) != windowBatch || stale[0] != "0" {
		t.Fatalf("stale: %d ids from %q", len(stale), stale[0])
	}
	w.forget(len(stale))
	if w.get("0", now) != nil || w.get(strconv.Itoa(windowBatch), now) == nil {
		t.Error("the wrong ids left")
	}
	later := now.Add(windowAge + time.Second)
	if w.get(strconv.Itoa(total-1), later) != nil {
		t.Error("an id older than a day still answers")
	}
	if got := len(w.stale(later)); got != windowIDs {
		t.Errorf("%d of %d ids older than a day are stale", got, windowIDs)
	}
}

func TestWindowChangesWhatBecameOfAnID(t *testing.T) {
	t.Parallel()
	var w window
	now := time.Now()
	w.put(Seen{ID: "a", Status: seenRunning, At: now.UnixMilli()})
	if len(w.running()) != 1 {
		t.Fatal("the running id is not found")
	}
	w.put(Seen{ID: "a", Status: seenError, Ack: []byte(`{}`), At: now.UnixMilli()})
	if len(w.running()) != 0 || w.get("a", now).Status != seenError || len(w.order) != 1 {
		t.Fatalf("window: %+v", w.order)
	}
}
