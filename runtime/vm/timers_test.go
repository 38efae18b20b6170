package vm

import (
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// drive resumes a run by its timers, shortest first, until it settles, and says
// how long it would have taken.
func drive(t testing.TB, r *Run) (s *runtime.Segment, took time.Duration) {
	t.Helper()
	due := map[uint64]time.Duration{}
	turn := r.Start()
	for range 1000 {
		if turn.Segment == nil {
			t.Fatal("reads")
		}
		if turn.Segment.Outcome != nil {
			return wantSettled(t, turn), took
		}
		for _, op := range turn.Segment.Begin {
			if op.Kind != runtime.Timer {
				t.Fatalf("%+v", op)
			}
			due[op.ID] = took + op.Wait
		}
		for _, id := range turn.Segment.Cancel {
			delete(due, id)
		}
		if turn.Segment.Waiting != len(due) {
			t.Fatalf("waits for %d, %d are due", turn.Segment.Waiting, len(due))
		}
		var next uint64
		for id, at := range due {
			if next == 0 || at < due[next] || at == due[next] && id < next {
				next = id
			}
		}
		took = due[next]
		delete(due, next)
		turn = r.Resume(resume(next, ""))
	}
	t.Fatal("never settles")
	return nil, 0
}

func timed(t testing.TB, body, want string, took time.Duration) {
	t.Helper()
	s, d := drive(t, compile(t, class(body)).New(message(`{}`)))
	if got := string(s.Outcome.Value); got != want || d != took {
		t.Errorf("%s\ngot %s after %v, want %s after %v", body, got, d, want, took)
	}
}

func TestTimers(t *testing.T) {
	t.Parallel()
	timed(t, `return await new Promise(f => setTimeout(f, 30, "late"))`, `"late"`, 30*time.Millisecond)
	timed(t, `const order = []; await Promise.all([20, 10, 10, 5].map((ms, i) => new Promise(f => setTimeout(() => { order.push(i); f() }, ms)))); return order`, `[3,1,2,0]`, 20*time.Millisecond)
	timed(t, `let n = 0; await new Promise(f => { const id = setInterval(step => { n += step; if (n >= 6) { clearInterval(id); f() } }, 10, 2) }); return n`, `6`, 30*time.Millisecond)
	timed(t, `const gone = setTimeout(() => { throw 1 }, 1); clearTimeout(gone); clearTimeout(gone); clearTimeout(); clearTimeout("x"); clearTimeout(-1); clearTimeout(999);
		await new Promise(f => setTimeout(f, 5)); return 1`, `1`, 5*time.Millisecond)
	timed(t, `const slow = setTimeout(() => { throw 1 }, 100); await new Promise(f => setTimeout(f, 5)); clearTimeout(slow); await new Promise(f => setTimeout(f, 1)); return 2`, `2`, 6*time.Millisecond)
	timed(t, `await new Promise(f => setTimeout(f)); await new Promise(f => setTimeout(f, -5)); await new Promise(f => setTimeout(f, "3")); await new Promise(f => setTimeout(f, NaN)); return 1`, `1`, 6*time.Millisecond)
	returns(t, `try { setTimeout("code", 1) } catch (e) { return e.name }`, `"TypeError"`)
}

func TestClearedTimersAreCancelledOutside(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`
		const slow = setTimeout(() => {}, 1000);
		await new Promise(f => setTimeout(f, 1));
		clearTimeout(slow);
		await new Promise(f => setTimeout(f, 1));`)).New(message(`{}`))
	first := wait(t, r.Start())
	s := wait(t, r.Resume(resume(first.Begin[1].ID, "")))
	if len(s.Cancel) != 1 || s.Cancel[0] != first.Begin[0].ID || s.Waiting != 1 {
		t.Errorf("%+v", s)
	}
}

func TestTimersStillUnstartedLeaveAWarning(t *testing.T) {
	t.Parallel()
	s := settled(t, class(`setTimeout(() => console.log("never"), 1); setInterval(() => {}, 1)`))
	if got, want := lines(s), "warn 2 timers were not started: the handler ended without waiting for them\n"; got != want || len(s.Begin) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestTimersEndWithTheHandler(t *testing.T) {
	t.Parallel()
	timed(t, `setInterval(() => {}, 1000); await new Promise(f => setTimeout(f, 5)); return 1`, `1`, 5*time.Millisecond)
}

func TestThrowInATimerEndsTheEvent(t *testing.T) {
	t.Parallel()
	r := compile(t, class(`setTimeout(() => { throw new RangeError("in a timer") }, 1); await new Promise(() => {})`)).New(message(`{}`))
	if e := failed(t, r.Resume(resume(wait(t, r.Start()).Begin[0].ID, ""))); e.Name != "RangeError" || e.Line == 0 {
		t.Errorf("%+v", e)
	}
}

func TestMicrotasks(t *testing.T) {
	t.Parallel()
	returns(t, `const order = []; queueMicrotask(() => order.push("task")); order.push("now"); await 0; order.push("after"); return order`, `["now","task","after"]`)
	if e := failed(t, start(t, class(`queueMicrotask(() => { throw new RangeError("micro") }); await 0; await 0`), `{}`)); e.Message != "micro" {
		t.Errorf("%+v", e)
	}
	returns(t, `try { queueMicrotask(5) } catch (e) { return e.name }`, `"TypeError"`)
	returns(t, `await Promise.resolve({ type: "x" }).then(env.DEVICE.send); return await Promise.resolve("k").then(env.DEVICE.kv.get) === undefined`, `true`)
}

func TestGlobalsComeWithTheirNames(t *testing.T) {
	t.Parallel()
	returns(t, `return [setTimeout.name, setInterval.name, clearTimeout.name, clearInterval.name, queueMicrotask.name, console.log.name, Object.keys(globalThis)]`,
		`["setTimeout","setInterval","clearTimeout","clearInterval","queueMicrotask","log",[]]`)
}
