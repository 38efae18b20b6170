package sqlite

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// TestAQuotaRefusesWritesAndHealsByItself fills the main file up to its quota
// and takes something away again.
func TestAQuotaRefusesWritesAndHealsByItself(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{MaxSize: 1 << 20})
	p := project(t, d)
	o, victim := mustOwn(t, d, addDevice(t, d, p.ID, "d")), mustOwn(t, d, addDevice(t, d, p.ID, "victim"))
	big := `"` + strings.Repeat("x", 60_000) + `"`
	var err error
	for n := 0; err == nil && n < 100; n++ {
		if err = victim.commit(dispatch.Change{KV: put(strings.Repeat("k", n+1), big)}); err == nil && n > 90 {
			t.Fatal("the quota does not bound the file")
		}
	}
	if !errors.Is(err, dispatch.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	if err := o.commit(dispatch.Change{KV: put("small", "1")}); err != nil {
		t.Errorf("a small write still has a place: %v", err)
	}
	if !errors.Is(d.Writable(), dispatch.ErrFull) {
		t.Errorf("the database says of itself: %v", d.Writable())
	}
	if got := mustOwn(t, d, o.key); got.rev == "" {
		t.Error("reads do not go on")
	}
	if err := d.Remove(t.Context(), victim.key); err != nil {
		t.Fatal(err)
	}
	o = mustOwn(t, d, o.key)
	if err := o.commit(dispatch.Change{KV: put("after", big)}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	for begun := time.Now(); d.Writable() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 5*time.Second {
			t.Fatalf("with room again the database says: %v", d.Writable())
		}
	}
	if s := d.Stats(); s.Failed == 0 || s.Reopened != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestWritesAreProbedWhileTheyFail heals the quota without any other write.
func TestWritesAreProbedWhileTheyFail(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	d.health.note(dispatch.ErrFull, 1)
	if d.Writable() == nil {
		t.Fatal("the fault was not noted")
	}
	begun := time.Now()
	for d.Writable() != nil {
		if time.Since(begun) > 5*time.Second {
			t.Fatal("nobody tries to write")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestBatchesAreCounted(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	before := total(d.Stats().BatchSize)
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	for range 5 {
		if err := o.commit(dispatch.Change{KV: put("k", "1")}); err != nil {
			t.Fatal(err)
		}
	}
	s := d.Stats()
	if got := total(s.BatchSize) - before; got < 7 || total(s.BatchDuration) != total(s.BatchSize) || s.BatchSize.Sum < float64(got) || s.BatchDuration.Sum <= 0 {
		t.Errorf("%d batches, %+v", got, s)
	}
}

func total(h Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}
