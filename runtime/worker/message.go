package worker

import (
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/vm"
)

// Source is the code of a version as a worker loads it.
type Source = vm.Source

// Settings are what a worker is told before anything else.
type Settings struct {
	Runners int    // turns at once
	Procs   int    // GOMAXPROCS; 0 leaves it
	Memory  uint64 // bytes over base; 0 sets no limit
}

// Ready is a worker's first frame.
type Ready struct {
	Protocol uint64
	Clock    bool // turns are measured by their thread's CPU time, not by wall time
}

// Rule names why a worker says it must be killed.
type Rule string

// The rules of an Overrun.
const (
	CPU    Rule = "cpu"    // a turn went on past 2 × budget + 50 ms
	Memory Rule = "memory" // the heap is over its limit and an interrupt did not help
)

// Overrun names the turn that is to be ended by a kill. For memory the turn is
// the one that was running, which is a suspect only.
type Overrun struct {
	ID   uint64
	CPU  time.Duration
	Rule Rule
}

// Tried is what a trial found. CPU is that of the top level.
type Tried struct {
	Report vm.Report
	CPU    time.Duration
	Error  *runtime.ScriptError
}

// AppendStart appends a start frame.
func AppendStart(b []byte, s Settings) []byte {
	b, at := begin(b, KindStart)
	b = putUint(b, Protocol)
	b = putCount(b, s.Runners)
	b = putCount(b, s.Procs)
	return end(putUint(b, s.Memory), at)
}

// AppendLoad appends a load frame: from now on program names this code.
func AppendLoad(b []byte, program uint64, s *Source) []byte {
	b, at := begin(b, KindLoad)
	return end(putSource(putUint(b, program), s), at)
}

// AppendForget appends a forget frame; no running event may use the program.
func AppendForget(b []byte, program uint64) []byte { return appendID(b, KindForget, program) }

// AppendRun appends a run frame. The id is new on this pipe.
func AppendRun(b []byte, id, program uint64, inv *runtime.Invocation) []byte {
	b, at := begin(b, KindRun)
	return end(putInvocation(putUint(putUint(b, id), program), inv), at)
}

// AppendResume appends a resume frame.
func AppendResume(b []byte, id uint64, r *runtime.Resume) []byte {
	b, at := begin(b, KindResume)
	return end(putResume(putUint(b, id), r), at)
}

// AppendAnswer appends an answer frame.
func AppendAnswer(b []byte, id uint64, results []runtime.ReadResult) []byte {
	b, at := begin(b, KindAnswer)
	return end(putResults(putUint(b, id), results), at)
}

// AppendCancel appends a cancel frame.
func AppendCancel(b []byte, id uint64) []byte { return appendID(b, KindCancel, id) }

// AppendRevoke appends a revoke frame.
func AppendRevoke(b []byte) []byte {
	b, at := begin(b, KindRevoke)
	return end(b, at)
}

// AppendTrial appends a trial frame. The budget is CPU time of the top level.
func AppendTrial(b []byte, s *Source, budget time.Duration) []byte {
	b, at := begin(b, KindTrial)
	return end(putTime(putSource(b, s), budget), at)
}

func appendID(b []byte, k Kind, id uint64) []byte {
	b, at := begin(b, k)
	return end(putUint(b, id), at)
}

func appendReady(b []byte, r Ready) []byte {
	b, at := begin(b, KindReady)
	return end(putBool(putUint(b, r.Protocol), r.Clock), at)
}

func appendSegment(b []byte, id uint64, s *runtime.Segment) []byte {
	b, at := begin(b, KindSegment)
	return end(putSegment(putUint(b, id), s), at)
}

func appendReads(b []byte, id uint64, reads []runtime.Read) []byte {
	b, at := begin(b, KindReads)
	return end(putReads(putUint(b, id), reads), at)
}

func appendSlow(b []byte, id uint64, cpu time.Duration) []byte {
	b, at := begin(b, KindSlow)
	return end(putTime(putUint(b, id), cpu), at)
}

func appendOverrun(b []byte, o Overrun) []byte {
	b, at := begin(b, KindOverrun)
	return end(putString(putTime(putUint(b, o.ID), o.CPU), string(o.Rule)), at)
}

func appendRevoked(b []byte, ids []uint64) []byte {
	b, at := begin(b, KindRevoked)
	b = putCount(b, len(ids))
	for _, id := range ids {
		b = putUint(b, id)
	}
	return end(b, at)
}

func appendDropped(b []byte, id uint64) []byte { return appendID(b, KindDropped, id) }

func appendTried(b []byte, t *Tried) []byte {
	b, at := begin(b, KindTried)
	b = putCount(b, len(t.Report.Handlers))
	for _, h := range t.Report.Handlers {
		b = putString(b, h)
	}
	b = putCount(b, len(t.Report.Crons))
	for _, c := range t.Report.Crons {
		b = putBytes(putString(b, c.Name), c.Spec)
	}
	b = putString(b, t.Report.Isolation)
	b = putBool(b, t.Report.ConnectOnDeploy != nil)
	if t.Report.ConnectOnDeploy != nil {
		b = putBool(b, *t.Report.ConnectOnDeploy)
	}
	return end(putError(putTime(b, t.CPU), t.Error), at)
}

// PeekID takes the event's id from the front of a body and returns the rest. It
// works for segment, reads, slow, overrun and dropped.
func PeekID(body []byte) (id uint64, rest []byte, err error) {
	d := decoder{b: body}
	id = d.uint()
	return id, d.b, d.err
}

// DecodeReady takes a ready frame's body apart.
func DecodeReady(body []byte) (Ready, error) {
	d := decoder{b: body}
	r := Ready{Protocol: d.uint(), Clock: d.bool()}
	return r, d.done()
}

// DecodeSegment takes a segment apart, its id already taken. The segment keeps
// the body.
func DecodeSegment(rest []byte) (*runtime.Segment, error) {
	d := decoder{b: rest}
	s := d.segment()
	return s, d.done()
}

// DecodeReads takes reads apart, their event's id already taken.
func DecodeReads(rest []byte) ([]runtime.Read, error) {
	d := decoder{b: rest}
	r := d.reads()
	return r, d.done()
}

// DecodeSlow takes a slow turn's CPU time, its id already taken.
func DecodeSlow(rest []byte) (time.Duration, error) {
	d := decoder{b: rest}
	cpu := d.time()
	return cpu, d.done()
}

// DecodeOverrun takes an overrun frame's body apart.
func DecodeOverrun(body []byte) (Overrun, error) {
	d := decoder{b: body}
	o := Overrun{ID: d.uint(), CPU: d.time(), Rule: Rule(d.string())}
	if o.Rule != CPU && o.Rule != Memory {
		d.fail("unknown rule")
	}
	return o, d.done()
}

// DecodeRevoked takes a revoked frame's body apart.
func DecodeRevoked(body []byte) ([]uint64, error) {
	d := decoder{b: body}
	ids := some[uint64](d.list())
	for i := range ids {
		ids[i] = d.uint()
	}
	return ids, d.done()
}

// DecodeTried takes a trial's report apart. The report keeps the body.
func DecodeTried(body []byte) (Tried, error) {
	d := decoder{b: body}
	t := Tried{Report: vm.Report{Handlers: d.strings()}}
	t.Report.Crons = some[vm.Cron](d.list())
	for i := range t.Report.Crons {
		t.Report.Crons[i] = vm.Cron{Name: d.string(), Spec: d.bytes()}
	}
	t.Report.Isolation = d.string()
	if d.bool() {
		on := d.bool()
		t.Report.ConnectOnDeploy = &on
	}
	t.CPU, t.Error = d.time(), d.scriptError()
	return t, d.done()
}
