package gateway

import (
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWheelRingsInTimeAndOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w Wheel
		r := rand.New(rand.NewSource(1))
		start := time.Now()
		rung := make([]atomic.Int32, 500)
		alarms := make([]Alarm, len(rung))
		for i := range alarms {
			due := start.Add(time.Duration(r.Int63n(int64(10 * time.Minute))))
			alarms[i].Ring = func(now time.Time) {
				rung[i].Add(1)
				if late := now.Sub(due); late < 0 || late > wheelTick {
					t.Errorf("alarm %d rang %v late", i, late)
				}
			}
			w.Set(&alarms[i], due)
		}
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		for i := range rung {
			if n := rung[i].Load(); n != 1 {
				t.Errorf("alarm %d rang %d times", i, n)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.next != 0 || w.count != 0 {
			t.Errorf("an empty wheel waits for tick %d with %d alarms", w.next, w.count)
		}
	})
}

func TestWheelForgetsWhatIsClearedOrMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w Wheel
		start := time.Now()
		var mu sync.Mutex
		var rang []string
		note := func(name string) Alarm {
			return Alarm{Ring: func(now time.Time) {
				mu.Lock()
				defer mu.Unlock()
				rang = append(rang, name+" "+now.Sub(start).String())
			}}
		}
		cleared, later, sooner := note("cleared"), note("later"), note("sooner")
		for _, a := range []*Alarm{&cleared, &later, &sooner} {
			w.Set(a, start.Add(5*time.Second))
		}
		w.Clear(&cleared)
		w.Clear(&cleared)
		w.Set(&later, start.Add(200*time.Second))
		w.Set(&sooner, start.Add(time.Second))
		time.Sleep(time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(rang) != 2 || rang[0] != "sooner 1s" || rang[1] != "later 3m20s" {
			t.Errorf("rang: %q", rang)
		}
	})
}

func TestWheelAfterALongRestRingsWithoutDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w Wheel
		var at atomic.Pointer[time.Time]
		a := Alarm{Ring: func(now time.Time) { at.Store(&now) }}
		w.Set(&a, time.Now().Add(time.Second))
		time.Sleep(24 * time.Hour)
		due := time.Now().Add(time.Second)
		w.Set(&a, due)
		time.Sleep(time.Minute)
		synctest.Wait()
		if late := at.Load().Sub(due); late < 0 || late > wheelTick {
			t.Errorf("rang %v late", late)
		}
	})
}

func TestWheelTakesAnAlarmFromItsOwnRing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w Wheel
		var n atomic.Int32
		var a Alarm
		a.Ring = func(now time.Time) {
			if n.Add(1) < 5 {
				w.Set(&a, now.Add(time.Second))
			}
		}
		w.Set(&a, time.Now())
		time.Sleep(time.Minute)
		synctest.Wait()
		if n.Load() != 5 {
			t.Errorf("rang %d times", n.Load())
		}
	})
}
