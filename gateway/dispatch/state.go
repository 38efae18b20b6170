package dispatch

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/runtime"
)

// Limits of a device's key-value state.
const (
	kvKeys        = 1000
	kvBytes       = 1 << 20
	snapshotBytes = 16 << 10
)

// state is what the owner knows of a device: the durable state, and the
// revision it is good for.
type state struct {
	rev    Rev
	ran    string
	kv     []KV             // ascending Key
	bytes  int              // of keys and values
	soon   int64            // earliest expiry, 0 is none
	pairs  []runtime.KVPair // kv as a snapshot carries it; nil is to be made
	outbox gateway.Outbox
	seen   window
}

// load returns the device's state, from memory or the store. Ids left running by
// a crash end as interrupted. Owner goroutine only.
func (m *Mailbox) load(ctx context.Context) (*state, error) {
	if m.state != nil {
		return m.state, nil
	}
	stored, rev, err := m.d.Store.Load(ctx, m.key, m.d.Epoch)
	if err != nil {
		return nil, err
	}
	st := &state{rev: rev, ran: stored.Ran, kv: stored.KV}
	for i := range st.kv {
		st.bytes += len(st.kv[i].Key) + len(st.kv[i].Value)
		st.expires(st.kv[i].Expires)
	}
	for _, w := range stored.Outbox {
		st.outbox.Add(gateway.Waiting{Row: w.Row, Body: w.Body, Key: w.Key, Expires: w.Expires, Durable: w.Durable})
	}
	st.seen.ids, st.seen.age = m.d.Bounds.IDs, m.d.Bounds.IDAge
	st.seen.fill(stored.Seen)
	m.state = st
	if err := m.interrupt(ctx); err != nil {
		m.state = nil
		return nil, err
	}
	return st, nil
}

func (st *state) expires(at int64) {
	if at != 0 && (st.soon == 0 || at < st.soon) {
		st.soon = at
	}
}

// expire drops keys whose time is over. The store drops its own rows by itself.
func (st *state) expire(now int64) {
	if st.soon == 0 || now < st.soon {
		return
	}
	st.soon, st.pairs = 0, nil
	kept := st.kv[:0]
	for _, kv := range st.kv {
		if kv.Expires != 0 && kv.Expires <= now {
			st.bytes -= len(kv.Key) + len(kv.Value)
			continue
		}
		st.expires(kv.Expires)
		kept = append(kept, kv)
	}
	clear(st.kv[len(kept):])
	st.kv = kept
}

func (st *state) find(key string) (int, bool) {
	return sort.Find(len(st.kv), func(i int) int { return strings.Compare(key, st.kv[i].Key) })
}

// apply makes committed changes visible to later reads.
func (st *state) apply(changes []KVChange) {
	if len(changes) > 0 {
		st.pairs = nil
	}
	for _, c := range changes {
		i, found := st.find(c.Key)
		if found {
			st.bytes -= len(st.kv[i].Key) + len(st.kv[i].Value)
		}
		switch {
		case c.Delete && found:
			st.kv = slices.Delete(st.kv, i, i+1)
		case c.Delete:
		case found:
			st.kv[i] = c.KV
		default:
			st.kv = slices.Insert(st.kv, i, c.KV)
		}
		if !c.Delete {
			st.bytes += len(c.Key) + len(c.Value)
			st.expires(c.Expires)
		}
	}
}

// snapshot is what an invocation carries: everything when it is small, else
// nothing, and the worker asks for what it misses.
func (st *state) snapshot() runtime.Snapshot {
	if st.bytes > snapshotBytes {
		return runtime.Snapshot{}
	}
	if st.pairs == nil && len(st.kv) > 0 {
		st.pairs = make([]runtime.KVPair, len(st.kv))
		for i := range st.kv {
			st.pairs[i] = runtime.KVPair{Key: st.kv[i].Key, Value: st.kv[i].Value}
		}
	}
	return runtime.Snapshot{Complete: true, Pairs: st.pairs}
}

// read answers a worker's question about the state.
func (st *state) read(r runtime.Read) runtime.ReadResult {
	res := runtime.ReadResult{ID: r.ID}
	if !r.List {
		if i, found := st.find(r.Key); found {
			res.Pairs = []runtime.KVPair{{Key: st.kv[i].Key, Value: st.kv[i].Value}}
		}
		return res
	}
	from := max(r.Key, r.After)
	i, found := st.find(from)
	if found && r.After == from && r.After != "" {
		i++
	}
	for ; i < len(st.kv) && len(res.Pairs) < r.Limit; i++ {
		if !strings.HasPrefix(st.kv[i].Key, r.Key) {
			break
		}
		res.Pairs = append(res.Pairs, runtime.KVPair{Key: st.kv[i].Key, Value: st.kv[i].Value})
	}
	return res
}

// size estimates the memory that the state holds.
func (st *state) size() int {
	return 512 + st.bytes + 64*len(st.kv) + st.outbox.Bytes() + 96*st.outbox.Rows() + st.seen.size()
}
