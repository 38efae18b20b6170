package worker

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

func invocation() *runtime.Invocation {
	return &runtime.Invocation{
		DeviceID: "dev-1",
		Event:    runtime.Event{ID: "m-1", Kind: runtime.Message, Payload: []byte(`{"type":"x"}`)},
		KV:       runtime.Snapshot{Complete: true, Pairs: []runtime.KVPair{{Key: "k", Value: []byte("1")}}},
		Quota: runtime.Quota{
			Connected: true, OutboxRows: 100, OutboxBytes: 200, KVKeys: 3, KVBytes: 4,
			Budget: 50 * time.Millisecond, Wall: time.Second, Vars: 9,
		},
		Limits: runtime.DefaultLimits(),
	}
}

func fullSegment() *runtime.Segment {
	return &runtime.Segment{
		KV:       []runtime.KVWrite{{Key: "k", Value: []byte("1"), TTL: time.Hour}, {Key: "gone", Delete: true}},
		Commands: []runtime.Command{{Body: []byte(`{"type":"a"}`), TTL: time.Second, Key: "x", Durable: true}},
		Lines:    []runtime.Line{{Time: 7, Level: runtime.Warn, Message: "m", Fields: []byte(`{}`)}},
		Begin: []runtime.Operation{
			{ID: 1, Kind: runtime.Timer, Wait: time.Minute},
			{ID: 2, Kind: runtime.Request, Command: runtime.Command{Body: []byte(`{"type":"b"}`)}, Wait: time.Second},
		},
		Cancel:  []uint64{4, 5},
		Waiting: 2,
		CPU:     time.Millisecond,
		Outcome: &runtime.Outcome{Value: []byte("null"), Error: &runtime.ScriptError{
			Name: "E", Message: "m", File: "a.ts", Line: 1, Column: 2, Stack: "s", Limit: "cpu", CPUMillis: 1.5,
			Cause: &runtime.ScriptError{Name: "C"},
		}},
	}
}

// next takes the one frame of b apart.
func next(t *testing.T, b []byte, kind Kind) []byte {
	t.Helper()
	in := NewReader(iotest.OneByteReader(bytes.NewReader(b)))
	k, body, err := in.Next()
	if err != nil || k != kind {
		t.Fatalf("kind %d, %v", k, err)
	}
	body = bytes.Clone(body)
	if _, _, err := in.Next(); err != io.EOF {
		t.Fatalf("after the frame: %v", err)
	}
	return body
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFramesToTheGatewayArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	for _, s := range []*runtime.Segment{fullSegment(), {}, {Outcome: &runtime.Outcome{}}} {
		id, rest, err := PeekID(next(t, appendSegment(nil, 300, s), KindSegment))
		if id != 300 || err != nil {
			t.Fatal(id, err)
		}
		got, err := DecodeSegment(rest)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, s)
	}
	reads := []runtime.Read{{ID: 1, Key: "k"}, {ID: 2, List: true, Key: "p", After: "q", Limit: 100}}
	_, rest, _ := PeekID(next(t, appendReads(nil, 1, reads), KindReads))
	gotReads, err := DecodeReads(rest)
	if err != nil {
		t.Fatal(err)
	}
	same(t, gotReads, reads)
	on := true
	tried := Tried{
		Report: vm.Report{
			Handlers: []string{"onMessage"}, Crons: []vm.Cron{{Name: "n", Spec: []byte(`"* * * * *"`)}},
			Isolation: "device", ConnectOnDeploy: &on,
		},
		CPU: time.Millisecond, Error: &runtime.ScriptError{Name: "E"},
	}
	gotTried, err := DecodeTried(next(t, appendTried(nil, &tried), KindTried))
	if err != nil {
		t.Fatal(err)
	}
	same(t, gotTried, tried)
	over := Overrun{ID: 9, CPU: time.Second, Rule: Memory}
	gotOver, err := DecodeOverrun(next(t, appendOverrun(nil, over), KindOverrun))
	if err != nil {
		t.Fatal(err)
	}
	same(t, gotOver, over)
	ids, err := DecodeRevoked(next(t, appendRevoked(nil, []uint64{1, 1 << 40}), KindRevoked))
	if err != nil {
		t.Fatal(err)
	}
	same(t, ids, []uint64{1, 1 << 40})
	readiness, err := DecodeReady(next(t, appendReady(nil, Ready{Protocol: 1, Clock: true}), KindReady))
	if err != nil {
		t.Fatal(err)
	}
	same(t, readiness, Ready{Protocol: 1, Clock: true})
}

func TestFramesToAWorkerArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	inv := invocation()
	d := decoder{b: next(t, AppendRun(nil, 5, 6, inv), KindRun)}
	if id, program := d.uint(), d.uint(); id != 5 || program != 6 {
		t.Error(id, program)
	}
	got := d.invocation()
	if err := d.done(); err != nil {
		t.Fatal(err)
	}
	same(t, got, inv)
	for _, r := range []*runtime.Resume{
		{Result: runtime.Result{ID: 1, Value: []byte(`{}`)}, KV: &inv.KV, Quota: inv.Quota},
		{Result: runtime.Result{ID: 2, Error: &runtime.ScriptError{Name: "E"}}},
	} {
		d = decoder{b: next(t, AppendResume(nil, 5, r), KindResume)}
		d.uint()
		same(t, d.resume(), r)
		if err := d.done(); err != nil {
			t.Fatal(err)
		}
	}
	results := []runtime.ReadResult{{ID: 1}, {ID: 2, Pairs: inv.KV.Pairs}}
	d = decoder{b: next(t, AppendAnswer(nil, 5, results), KindAnswer)}
	d.uint()
	same(t, d.results(), results)
	source := Source{Version: "v", Script: "s", Main: "m.ts", Code: []byte("c"), SourceMap: []byte("{}"), Handlers: []string{"a", "b"}}
	d = decoder{b: next(t, AppendLoad(nil, 8, &source), KindLoad)}
	d.uint()
	same(t, d.source(), source)
}

// A worker is not told whose event it runs beyond the id that the script sees.
func TestRunFrameNamesNoProjectOrKey(t *testing.T) {
	t.Parallel()
	inv := invocation()
	inv.Device, inv.Project, inv.Version = "secret-key", "secret-project", "secret-version"
	if b := AppendRun(nil, 1, 1, inv); bytes.Contains(b, []byte("secret")) {
		t.Errorf("frame %q", b)
	}
}

func TestReaderRefusesLengthsAndCutFrames(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]string{
		"too long":      "\xff\xff\xff\x7f\x01",
		"no kind":       "\x00\x00\x00\x00",
		"cut in length": "\x01\x00",
		"cut in body":   "\x09\x00\x00\x00\x01abc",
	} {
		_, _, err := NewReader(strings.NewReader(stream)).Next()
		if !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReaderHoldsNoMoreThanCame(t *testing.T) {
	t.Parallel()
	in := NewReader(strings.NewReader("\x00\x00\x00\x02" + "x")) // announces 32 MiB
	if _, _, err := in.Next(); !errors.Is(err, ErrFrame) {
		t.Fatal(err)
	}
	if len(in.buf) > readBuffer {
		t.Errorf("buffer of %d bytes", len(in.buf))
	}
}

func TestReaderTakesFramesOfAnySizeInAnyPieces(t *testing.T) {
	t.Parallel()
	var stream []byte
	var sizes []int
	for i := range 40 {
		size := rand.IntN(1 << (i % 20))
		sizes = append(sizes, size)
		b, at := begin(stream, Kind(1+i))
		stream = end(append(b, bytes.Repeat([]byte{byte(i)}, size)...), at)
	}
	in := NewReader(&pieces{bytes.NewReader(stream)})
	for i, size := range sizes {
		kind, body, err := in.Next()
		if err != nil || kind != Kind(1+i) || len(body) != size || bytes.Count(body, []byte{byte(i)}) != size {
			t.Fatalf("frame %d: kind %d, %d bytes of %d, %v", i, kind, len(body), size, err)
		}
	}
}

// pieces reads a random number of bytes at a time.
type pieces struct{ r io.Reader }

func (p *pieces) Read(b []byte) (int, error) {
	return p.r.Read(b[:1+rand.IntN(min(len(b), 100_000))])
}
