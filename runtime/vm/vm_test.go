package vm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func TestMain(m *testing.M) {
	UseUTC()
	m.Run()
}

// script wraps the body of a module as a bundler does.
func script(body string) string {
	return "\"use strict\";\n(() => {\n" + body + "\n})();\n"
}

// class is a bundle whose entrypoint has one method body for onMessage.
func class(body string) string {
	return script("class Entry { async onMessage(m, env) {" + body + "} }\n__tendril_export(Entry);")
}

func compile(t testing.TB, code string) *Program {
	t.Helper()
	p, err := Compile(Source{Version: "v", Script: "s", Main: "src/main.ts", Code: []byte(code)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// message is an invocation of onMessage with everything left.
func message(payload string) *runtime.Invocation {
	limits := runtime.DefaultLimits()
	return &runtime.Invocation{
		DeviceID: "dev-1",
		Event:    runtime.Event{ID: "m-1", Kind: runtime.Message, Payload: []byte(payload)},
		KV:       runtime.Snapshot{Complete: true},
		Limits:   limits,
		Quota: runtime.Quota{
			Connected: true, OutboxRows: 100, OutboxBytes: 256 << 10, KVKeys: 1000, KVBytes: 1 << 20,
			Budget: limits.CPU, Wall: limits.Wall,
		},
	}
}

// start runs the first turn of code with a payload.
func start(t testing.TB, code, payload string) Turn {
	t.Helper()
	return compile(t, code).New(message(payload)).Start()
}

// settled runs code and wants it to end well in one turn.
func settled(t testing.TB, code string) *runtime.Segment {
	t.Helper()
	return wantSettled(t, start(t, code, `{"type":"x"}`))
}

func wantSettled(t testing.TB, turn Turn) *runtime.Segment {
	t.Helper()
	s := turn.Segment
	if s == nil || s.Outcome == nil {
		t.Fatalf("not settled: %+v", turn)
	}
	if s.Outcome.Error != nil {
		t.Fatalf("ended with %v\n%s", s.Outcome.Error, s.Outcome.Error.Stack)
	}
	return s
}

func failed(t testing.TB, turn Turn) *runtime.ScriptError {
	t.Helper()
	s := turn.Segment
	if s == nil || s.Outcome == nil || s.Outcome.Error == nil {
		t.Fatalf("did not fail: %+v", turn)
	}
	if len(s.KV)+len(s.Commands)+len(s.Begin) > 0 || s.Outcome.Value != nil {
		t.Errorf("a failed segment carries effects: %+v", s)
	}
	return s.Outcome.Error
}

// returns runs the body of a handler and compares what it returns as JSON.
func returns(t testing.TB, body, want string) {
	t.Helper()
	s := settled(t, class(body))
	if string(s.Outcome.Value) != want {
		t.Errorf("%s\nreturned %s\nwant     %s", body, s.Outcome.Value, want)
	}
}

func lines(s *runtime.Segment) string {
	var b strings.Builder
	for _, l := range s.Lines {
		b.WriteString(string(l.Level) + " " + l.Message)
		if l.Fields != nil {
			b.WriteString(" " + string(l.Fields))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func commands(s *runtime.Segment) string {
	var parts []string
	for _, c := range s.Commands {
		parts = append(parts, string(c.Body))
	}
	return strings.Join(parts, " ")
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// interruptAfter interrupts a run once, the given time after the turn that f
// runs has begun.
func interruptAfter(r *Run, wait time.Duration, limit string, f func() Turn) Turn {
	timer := time.AfterFunc(wait, func() { r.Interrupt(limit) })
	defer timer.Stop()
	return f()
}
