package worker

import (
	"encoding/binary"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// The parts of a frame. Bytes and strings are length-prefixed; bytes may be nil,
// which is not the same as empty.

func putUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

func putInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func putCount(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func putTime(b []byte, d time.Duration) []byte { return binary.AppendVarint(b, int64(d)) }

func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func putString(b []byte, s string) []byte {
	return append(putCount(b, len(s)), s...)
}

func putBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(putCount(b, len(v)+1), v...)
}

func putSource(b []byte, s *Source) []byte {
	b = putString(b, s.Version)
	b = putString(b, s.Script)
	b = putString(b, s.Main)
	b = putBytes(b, s.Code)
	b = putBytes(b, s.SourceMap)
	b = putCount(b, len(s.Handlers))
	for _, h := range s.Handlers {
		b = putString(b, h)
	}
	return b
}

// putInvocation leaves out what a worker has no need to know: the device's key,
// the project, and the version, whose program is named by its number.
func putInvocation(b []byte, inv *runtime.Invocation) []byte {
	b = putString(b, inv.DeviceID)
	b = putString(b, inv.Event.ID)
	b = putString(b, string(inv.Event.Kind))
	b = putBytes(b, inv.Event.Payload)
	b = putSnapshot(b, &inv.KV)
	b = putQuota(b, &inv.Quota)
	return putLimits(b, &inv.Limits)
}

func putSnapshot(b []byte, s *runtime.Snapshot) []byte {
	return putPairs(putBool(b, s.Complete), s.Pairs)
}

func putPairs(b []byte, pairs []runtime.KVPair) []byte {
	b = putCount(b, len(pairs))
	for i := range pairs {
		b = putBytes(putString(b, pairs[i].Key), pairs[i].Value)
	}
	return b
}

func putQuota(b []byte, q *runtime.Quota) []byte {
	b = putBool(b, q.Connected)
	b = putBool(b, q.Acks)
	for _, v := range [...]int{q.OutboxRows, q.OutboxBytes, q.KVKeys, q.KVBytes} {
		b = putInt(b, int64(v))
	}
	b = putTime(b, q.Budget)
	b = putTime(b, q.Wall)
	return putUint(b, q.Vars)
}

func putLimits(b []byte, l *runtime.Limits) []byte {
	b = putTime(b, l.CPU)
	b = putTime(b, l.Wall)
	for _, v := range [...]int{
		l.LogLines, l.LogBytes, l.KVWrites, l.Sends, l.Operations,
		l.KVKey, l.KVValue, l.Command, l.Depth, l.Nodes,
	} {
		b = putInt(b, int64(v))
	}
	return b
}

func putResume(b []byte, r *runtime.Resume) []byte {
	b = putUint(b, r.Result.ID)
	b = putBytes(b, r.Result.Value)
	b = putError(b, r.Result.Error)
	b = putBool(b, r.KV != nil)
	if r.KV != nil {
		b = putSnapshot(b, r.KV)
	}
	return putQuota(b, &r.Quota)
}

func putError(b []byte, e *runtime.ScriptError) []byte {
	for range maxCauses {
		if e == nil {
			break
		}
		b = putBool(b, true)
		b = putString(b, e.Name)
		b = putString(b, e.Message)
		b = putString(b, e.File)
		b = putInt(b, int64(e.Line))
		b = putInt(b, int64(e.Column))
		b = putString(b, e.Stack)
		b = putString(b, e.Limit)
		b = putTime(b, time.Duration(e.CPUMillis*float64(time.Millisecond)))
		e = e.Cause
	}
	return putBool(b, false)
}

func putCommand(b []byte, c *runtime.Command) []byte {
	b = putBytes(b, c.Body)
	b = putTime(b, c.TTL)
	b = putString(b, c.Key)
	return putBool(b, c.Durable)
}

func putSegment(b []byte, s *runtime.Segment) []byte {
	b = putCount(b, len(s.KV))
	for i := range s.KV {
		w := &s.KV[i]
		b = putBytes(putString(b, w.Key), w.Value)
		b = putBool(putTime(b, w.TTL), w.Delete)
	}
	b = putCount(b, len(s.Commands))
	for i := range s.Commands {
		b = putCommand(b, &s.Commands[i])
	}
	b = putCount(b, len(s.Lines))
	for i := range s.Lines {
		l := &s.Lines[i]
		b = putString(putInt(b, l.Time), string(l.Level))
		b = putBytes(putString(b, l.Message), l.Fields)
	}
	b = putCount(b, len(s.Begin))
	for i := range s.Begin {
		op := &s.Begin[i]
		b = putString(putUint(b, op.ID), string(op.Kind))
		b = putTime(putCommand(b, &op.Command), op.Wait)
	}
	b = putCount(b, len(s.Cancel))
	for _, id := range s.Cancel {
		b = putUint(b, id)
	}
	b = putTime(putCount(b, s.Waiting), s.CPU)
	b = putBool(b, s.Outcome != nil)
	if s.Outcome != nil {
		b = putError(putBytes(b, s.Outcome.Value), s.Outcome.Error)
	}
	return b
}

func putReads(b []byte, reads []runtime.Read) []byte {
	b = putCount(b, len(reads))
	for i := range reads {
		r := &reads[i]
		b = putString(putBool(putUint(b, r.ID), r.List), r.Key)
		b = putInt(putString(b, r.After), int64(r.Limit))
	}
	return b
}

func putResults(b []byte, results []runtime.ReadResult) []byte {
	b = putCount(b, len(results))
	for i := range results {
		b = putPairs(putUint(b, results[i].ID), results[i].Pairs)
	}
	return b
}
