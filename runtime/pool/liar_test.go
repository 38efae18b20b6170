package pool

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
)

// lies are what a child that is no honest worker answers to a run frame. Each
// takes the id of the event.
var lies = map[string]func(id uint64) []byte{
	"garbage": func(uint64) []byte {
		b := make([]byte, 4096)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return b
	},
	"length of 4 GiB":     func(uint64) []byte { return []byte{0xff, 0xff, 0xff, 0xff, 65} },
	"length of nothing":   func(uint64) []byte { return []byte{0, 0, 0, 0} },
	"unknown kind":        func(id uint64) []byte { return frame0(200, num(id)) },
	"kind of the gateway": func(id uint64) []byte { return frame0(worker.KindRun, num(id)) },
	"second ready":        func(uint64) []byte { return frame0(worker.KindReady, []byte{worker.Protocol, 1}) },
	"empty segment":       func(id uint64) []byte { return frame0(worker.KindSegment, num(id)) },
	"unknown event":       func(id uint64) []byte { return frame0(worker.KindSegment, num(id+1), done()) },
	"event 0":             func(uint64) []byte { return frame0(worker.KindSegment, num(0), done()) },
	"bytes left over":     func(id uint64) []byte { return frame0(worker.KindSegment, num(id), done(), []byte{0}) },
	"cut off": func(id uint64) []byte {
		b := frame0(worker.KindSegment, num(id), done())
		return b[:len(b)-2]
	},
	"list of 2^40": func(id uint64) []byte { return frame0(worker.KindSegment, num(id), num(1<<40)) },
	"read of nothing": func(id uint64) []byte {
		return frame0(worker.KindReads, num(id), num(0))
	},
	"two turns at once": func(id uint64) []byte {
		wait := segment(nil, nil, nil, [][]byte{timer(1)}, 1, 0, nil)
		return slices.Concat(frame0(worker.KindSegment, num(id), wait), frame0(worker.KindSegment, num(id), wait))
	},
	"slow event that does not run": func(id uint64) []byte { return frame0(worker.KindSlow, num(id+7), signed(1)) },
	"overrun by nobody":            func(id uint64) []byte { return frame0(worker.KindOverrun, num(id+7), signed(1), text0("cpu")) },
	"overrun without a rule":       func(id uint64) []byte { return frame0(worker.KindOverrun, num(id), signed(1), text0("")) },
	"revoked stranger":             func(id uint64) []byte { return frame0(worker.KindRevoked, num(1), num(id+7)) },
	"dropped unasked":              func(id uint64) []byte { return frame0(worker.KindDropped, num(id)) },
	"report of no trial":           func(uint64) []byte { return frame0(worker.KindTried, []byte{0, 0, 0, 0, 0, 0}) },
	"key of 600 bytes": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment([][]byte{write(string(make([]byte, 600)), "1")}, nil, nil, nil, 0, 0, ok0))
	},
	"value that is no JSON": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment([][]byte{write("k", "{]")}, nil, nil, nil, 0, 0, ok0))
	},
	"101 writes": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(slices.Repeat([][]byte{write("k", "1")}, 101), nil, nil, nil, 0, 0, ok0))
	},
	"101 commands": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, slices.Repeat([][]byte{command(`{"type":"x"}`)}, 101), nil, nil, 0, 0, ok0))
	},
	"command with an $id": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, [][]byte{command(`{"type":"x","\u0024id":"c-1"}`)}, nil, nil, 0, 0, ok0))
	},
	"command of the envelope": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, [][]byte{command(`{"type":"$ack"}`)}, nil, nil, 0, 0, ok0))
	},
	"command that is no object": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, [][]byte{command(`"x"`)}, nil, nil, 0, 0, ok0))
	},
	"unknown level": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, [][]byte{line("loud", "x")}, nil, 0, 0, ok0))
	},
	"200 lines": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, slices.Repeat([][]byte{line("info", "x")}, 200), nil, 0, 0, ok0))
	},
	"waits for nothing": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, nil, 0, 0, nil))
	},
	"waits for more than it began": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, [][]byte{timer(1)}, 2, 0, nil))
	},
	"an operation twice": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, [][]byte{timer(1), timer(1)}, 2, 0, nil))
	},
	"begins after the end": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, [][]byte{timer(1)}, 1, 0, ok0))
	},
	"an hour of CPU time": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, nil, 0, time.Hour, ok0))
	},
	"negative CPU time": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, nil, 0, -time.Second, ok0))
	},
	"effects of a failure": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment([][]byte{write("k", "1")}, nil, nil, nil, 0, 0, []byte{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
	},
	"causes without end": func(id uint64) []byte {
		return frame0(worker.KindSegment, num(id), segment(nil, nil, nil, nil, 0, 0,
			slices.Concat([]byte{1, 0}, slices.Repeat([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0}, 5000), []byte{0})))
	},
}

// The parts of frames, written here once more so that a test can say what an
// honest worker never says.

func num(v uint64) []byte         { return binary.AppendUvarint(nil, v) }
func signed(v int64) []byte       { return binary.AppendVarint(nil, v) }
func text0(s string) []byte       { return append(num(uint64(len(s))), s...) }
func bytes0(s string) []byte      { return append(num(uint64(len(s)+1)), s...) }
func line(level, m string) []byte { return slices.Concat(signed(1), text0(level), text0(m), num(0)) }

func write(key, value string) []byte {
	return slices.Concat(text0(key), bytes0(value), signed(0), []byte{0})
}

func command(body string) []byte {
	return slices.Concat(bytes0(body), signed(0), text0(""), []byte{0})
}

func timer(id uint64) []byte {
	return slices.Concat(num(id), text0("timer"), command(""), signed(1000))
}

func list(items [][]byte) []byte {
	return append(num(uint64(len(items))), slices.Concat(items...)...)
}

var ok0 = []byte{1, 0, 0} // an outcome without value and error

func segment(kv, commands, lines, begin [][]byte, waiting uint64, cpu time.Duration, outcome []byte) []byte {
	if outcome == nil {
		outcome = []byte{0}
	}
	return slices.Concat(list(kv), list(commands), list(lines), list(begin), num(0), num(waiting), signed(int64(cpu)), outcome)
}

func done() []byte { return segment(nil, nil, nil, nil, 0, 0, ok0) }

func frame0(kind worker.Kind, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(body)+1))
	return append(append(b, byte(kind)), body...)
}

// liar is a child that says it is ready and then tells one lie for each event;
// or one that does not even start.
func liar(lie string) int {
	if lie == "stillborn" {
		return 3
	}
	in := worker.NewReader(os.Stdin)
	for {
		kind, body, err := in.Next()
		if err != nil {
			return 0
		}
		var answer []byte
		switch kind {
		case worker.KindStart:
			answer = frame0(worker.KindReady, num(worker.Protocol), []byte{1})
			if lie == "another protocol" {
				answer = frame0(worker.KindReady, num(worker.Protocol+1), []byte{1})
			}
		case worker.KindRun:
			id, _, _ := worker.PeekID(body)
			switch lie {
			case "honest":
				answer = frame0(worker.KindSegment, num(id), done())
			case "deaf": // says nothing and burns CPU time
				for {
					_ = os.Getpid()
				}
			default:
				answer = lies[lie](id)
			}
		}
		if _, err := os.Stdout.Write(answer); err != nil {
			return 0
		}
		if lie == "cut off" && kind == worker.KindRun {
			return 0
		}
	}
}

func TestFramesOfALiarHaveNoEffect(t *testing.T) {
	t.Parallel()
	for _, lie := range slices.Sorted(maps.Keys(lies)) {
		t.Run(lie, func(t *testing.T) {
			p := newPool(t, Config{Args: []string{"liar", lie}, Workers: 1})
			d := newDesk(event("a", `{"type":"x"}`))
			e := badly(t, p, d, script(echo))
			if e.Name != runtime.InterruptedError {
				t.Errorf("ended with %v", e)
			}
			if d.outcomes > 0 || len(d.kv)+len(d.commands)+len(d.lines) > 0 {
				t.Errorf("took effect: %+v", d)
			}
		})
	}
}

// The frames that the lies are made of are right where they do not lie.
func TestFramesOfAnHonestWorkerSettle(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Args: []string{"liar", "honest"}, Workers: 1})
	well(t, p, newDesk(event("a", `{"type":"x"}`)), script(echo))
}

func FuzzFramesFromAWorker(f *testing.F) {
	for name, lie := range lies {
		if name != "garbage" {
			f.Add(lie(1))
		}
	}
	f.Add(frame0(worker.KindSegment, num(1), done()))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := worker.NewReader(bytes.NewReader(stream))
		for {
			kind, body, err := in.Next()
			if err != nil {
				return
			}
			c := claim{limits: runtime.DefaultLimits(), took: time.Second}
			_, rest, err := worker.PeekID(body)
			if err != nil {
				continue
			}
			switch kind {
			case worker.KindSegment:
				s, err := worker.DecodeSegment(rest)
				if err == nil && c.segment(s) == nil {
					checkJudged(t, s)
				}
			case worker.KindReads:
				if reads, err := worker.DecodeReads(rest); err == nil {
					_ = c.reads(reads)
				}
			case worker.KindTried:
				if tried, err := worker.DecodeTried(body); err == nil && tried.Error == nil && len(tried.Report.Handlers) > len(body) {
					t.Fatal("more handlers than bytes")
				}
			}
		}
	})
}

// checkJudged checks what the judge lets pass.
func checkJudged(t *testing.T, s *runtime.Segment) {
	l := runtime.DefaultLimits()
	switch {
	case len(s.KV) > l.KVWrites || len(s.Commands) > l.Sends || s.CPU < 0:
		t.Fatalf("passed: %+v", s)
	case s.Outcome != nil && s.Outcome.Error != nil && len(s.KV)+len(s.Commands)+len(s.Begin) > 0:
		t.Fatalf("a failure with effects passed: %+v", s)
	case s.Outcome == nil && s.Waiting == 0:
		t.Fatalf("a wait for nothing passed: %+v", s)
	}
}
