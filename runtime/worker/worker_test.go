package worker

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

// TestMain sets the process up as Main does, once for all.
func TestMain(m *testing.M) {
	vm.UseUTC()
	os.Exit(m.Run())
}

// link is a worker inside this process, with the other ends of its pipe.
type link struct {
	t   *testing.T
	in  *io.PipeWriter
	out *Reader
	end chan error
}

func connect(t *testing.T, runners int) *link {
	t.Helper()
	fromGateway, in := io.Pipe()
	out, toGateway := io.Pipe()
	w := newWorker(NewReader(fromGateway), toGateway)
	w.start(runners)
	l := &link{t: t, in: in, out: NewReader(out), end: make(chan error, 1)}
	go func() { l.end <- w.wait() }()
	t.Cleanup(func() {
		_ = in.Close()
		_ = out.Close()
	})
	return l
}

func (l *link) send(frames ...[]byte) {
	l.t.Helper()
	if _, err := l.in.Write(bytes.Join(frames, nil)); err != nil {
		l.t.Fatal(err)
	}
}

// hear takes the next frame that is no report of a slow turn.
func (l *link) hear(want Kind) (id uint64, rest []byte) {
	l.t.Helper()
	for {
		kind, body, err := l.out.Next()
		if err != nil {
			l.t.Fatal(err)
		}
		if kind == KindSlow && want != KindSlow {
			continue
		}
		if kind != want {
			l.t.Fatalf("kind %d, want %d", kind, want)
		}
		id, rest, err := PeekID(bytes.Clone(body))
		if err != nil {
			l.t.Fatal(err)
		}
		return id, rest
	}
}

func (l *link) segment(id uint64) *runtime.Segment {
	l.t.Helper()
	got, rest := l.hear(KindSegment)
	s, err := DecodeSegment(rest)
	if err != nil || got != id {
		l.t.Fatalf("segment of %d, want %d: %v", got, id, err)
	}
	return s
}

func load(number uint64, body string) []byte {
	return AppendLoad(nil, number, &Source{
		Version: "v", Script: "s", Main: "main.ts",
		Code: []byte("\"use strict\";\n(() => {\nclass Entry { async onMessage(m, env) {" + body + "} }\n__tendril_export(Entry);\n})();"),
	})
}

const loop = `for (;;) {}`

func TestSlowTurnIsReportedAndInterrupted(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	l.send(load(1, loop), AppendRun(nil, 1, 1, invocation()))
	if id, _ := l.hear(KindSlow); id != 1 {
		t.Errorf("slow event %d", id)
	}
	s := l.segment(1)
	if s.Outcome == nil || s.Outcome.Error == nil || s.Outcome.Error.Limit != "cpu" || s.CPU < 45*time.Millisecond {
		t.Fatalf("segment %+v", s)
	}
	if ms := s.Outcome.Error.CPUMillis; ms < 45 || ms > 1000 {
		t.Errorf("%v ms of CPU time", ms)
	}
}

func TestBudgetIsWhatIsLeftOfTheEvent(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	inv := invocation()
	inv.Limits.CPU, inv.Quota.Budget = 10*time.Second, 20*time.Millisecond
	l.send(load(1, loop), AppendRun(nil, 1, 1, inv))
	s := l.segment(1)
	if s.CPU < 15*time.Millisecond || s.CPU > 2*time.Second {
		t.Errorf("%v of CPU time", s.CPU)
	}
	if ms := s.Outcome.Error.CPUMillis; ms < 9_990 {
		t.Errorf("%v ms used by the event", ms)
	}
}

func TestRevokeGivesBackWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	inv := invocation()
	inv.Limits.CPU, inv.Quota.Budget = 300*time.Millisecond, 300*time.Millisecond
	l.send(load(1, loop), load(2, ``), AppendRun(nil, 1, 1, inv))
	l.hear(KindSlow)
	l.send(AppendRun(nil, 2, 2, invocation()), AppendRun(nil, 3, 2, invocation()), AppendRevoke(nil))
	ids := func() []uint64 {
		for {
			kind, body, err := l.out.Next()
			if err != nil {
				t.Fatal(err)
			}
			if kind == KindRevoked {
				ids, err := DecodeRevoked(body)
				if err != nil {
					t.Fatal(err)
				}
				return ids
			}
			if kind != KindSlow {
				t.Fatalf("kind %d before the answer", kind)
			}
		}
	}()
	same(t, ids, []uint64{2, 3})
	l.segment(1)
}

func TestCancelInterruptsAndDrops(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	inv := invocation()
	inv.Limits.CPU, inv.Quota.Budget = time.Minute, time.Minute
	l.send(load(1, loop), load(2, `await new Promise((done) => setTimeout(done, 1e6))`), AppendRun(nil, 1, 1, inv))
	l.hear(KindSlow)
	l.send(AppendRun(nil, 2, 2, invocation()), AppendCancel(nil, 2), AppendCancel(nil, 1)) // one in line, one under way
	if id, _ := l.hear(KindDropped); id != 2 {
		t.Errorf("dropped %d first", id)
	}
	if id, _ := l.hear(KindDropped); id != 1 {
		t.Errorf("dropped %d then", id)
	}
	l.send(AppendRun(nil, 3, 2, invocation()))
	if s := l.segment(3); s.Waiting != 1 {
		t.Fatalf("segment %+v", s)
	}
	l.send(AppendCancel(nil, 3), AppendCancel(nil, 99)) // a waiting one, one that is long over
	if id, _ := l.hear(KindDropped); id != 3 {
		t.Errorf("dropped %d", id)
	}
	if id, _ := l.hear(KindDropped); id != 99 {
		t.Errorf("dropped %d", id)
	}
}

func TestOtherRunnersGoOnDuringASlowTurn(t *testing.T) {
	t.Parallel()
	l := connect(t, 2)
	inv := invocation()
	inv.Limits.CPU, inv.Quota.Budget = 2*time.Second, 2*time.Second
	l.send(load(1, loop), load(2, ``), AppendRun(nil, 1, 1, inv))
	l.hear(KindSlow)
	l.send(AppendRun(nil, 2, 2, invocation()))
	l.segment(2)
	l.segment(1)
}

func TestOverrunIsReported(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	l.send(load(1, `Array.prototype.includes.call({length: 2 ** 23}, 1);`), AppendRun(nil, 1, 1, invocation()))
	for {
		kind, body, err := l.out.Next()
		if err != nil {
			t.Fatal(err)
		}
		if kind == KindOverrun {
			o, err := DecodeOverrun(body)
			if err != nil || o.ID != 1 || o.Rule != CPU || o.CPU < 150*time.Millisecond {
				t.Errorf("overrun %+v, %v", o, err)
			}
			return
		}
		if kind != KindSlow {
			t.Fatalf("kind %d", kind)
		}
	}
}

func TestWorkerEndsWithItsInput(t *testing.T) {
	t.Parallel()
	l := connect(t, 1)
	_ = l.in.Close()
	if err := <-l.end; err != nil {
		t.Errorf("ended with %v", err)
	}
	for name, frame := range map[string][]byte{
		"frame of a worker": appendDropped(nil, 1),
		"run without code":  AppendRun(nil, 1, 1, invocation()),
		"resume of nobody":  AppendResume(nil, 1, &runtime.Resume{}),
		"bytes left over":   {3, 0, 0, 0, byte(KindRevoke), 1, 2},
	} {
		l := connect(t, 1)
		l.send(frame)
		if err := <-l.end; !errors.Is(err, ErrFrame) {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
}

func TestMainRefusesAnotherStart(t *testing.T) {
	t.Parallel()
	for _, first := range [][]byte{nil, AppendRevoke(nil), {9, 0, 0, 0, byte(KindStart), 99, 1, 1, 0, 0, 0, 0, 0}} {
		if _, err := readStart(NewReader(bytes.NewReader(first))); err == nil {
			t.Errorf("%v was taken for a start", first)
		}
	}
}

// A frame of the gateway that is wrong ends a worker; it never panics.
func FuzzFramesFromTheGateway(f *testing.F) {
	source := Source{Version: "v", Main: "m.ts", Code: []byte("__tendril_export({onMessage() {}})")}
	f.Add(AppendLoad(nil, 1, &source))
	f.Add(AppendRun(AppendLoad(nil, 1, &source), 1, 1, invocation()))
	f.Add(AppendResume(nil, 1, &runtime.Resume{KV: &runtime.Snapshot{}}))
	f.Add(AppendAnswer(nil, 1, []runtime.ReadResult{{ID: 1}}))
	f.Add(AppendTrial(AppendCancel(AppendForget(AppendRevoke(nil), 1), 1), &source, time.Second))
	f.Fuzz(func(t *testing.T, stream []byte) {
		w := newWorker(NewReader(strings.NewReader("")), io.Discard)
		in := NewReader(bytes.NewReader(stream))
		for {
			kind, body, err := in.Next()
			if err != nil {
				return
			}
			if w.handle(kind, body) != nil {
				return
			}
		}
	})
}
