package vm

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

// state is the key-value state that an event sees: the device's at the start of
// the segment, as far as it is known, and the event's own writes over it.
type state struct {
	base  runtime.Snapshot
	known map[string][]byte // answers for keys outside the snapshot; nil: no such key
	scans map[scanKey]*scan
	own   map[string]ownWrite

	writes []runtime.KVWrite // of this segment
	count  int               // of the event
	keys   int               // what the segment's writes add
	bytes  int

	queue []*kvOp
	asked map[uint64]runtime.Read
	last  uint64 // id of a Read
}

type ownWrite struct {
	value   []byte // nil: deleted
	expires time.Time
}

// scan is what answers to list reads said of the keys of a prefix behind after.
type scan struct {
	pairs []runtime.KVPair
	whole bool // there are no more
}

type scanKey struct{ prefix, after string }

type query struct {
	prefix, after string
	limit         int
}

// get reads a key; known is false when the owner has to be asked.
func (s *state) get(key string) (value []byte, ok, known bool) {
	if w, mine := s.own[key]; mine {
		if !w.expires.IsZero() && !time.Now().Before(w.expires) {
			return nil, false, true
		}
		return w.value, w.value != nil, true
	}
	return s.stored(key)
}

// stored reads a key without the event's own writes.
func (s *state) stored(key string) (value []byte, ok, known bool) {
	if i, found := slices.BinarySearchFunc(s.base.Pairs, key, comparePair); found {
		return s.base.Pairs[i].Value, true, true
	}
	if s.base.Complete {
		return nil, false, true
	}
	value, known = s.known[key]
	return value, value != nil, known
}

func comparePair(p runtime.KVPair, key string) int { return cmp.Compare(p.Key, key) }

func (s *state) missing(key string) *runtime.Read {
	if _, _, known := s.get(key); known {
		return nil
	}
	return &runtime.Read{Key: key}
}

// room says whether a value fits what the device has left. An unknown key
// counts as a new one.
func (s *state) room(q runtime.Quota, key string, size int) bool {
	keys, bytes := s.cost(key, size)
	return (keys <= 0 || s.keys+keys <= q.KVKeys) && (bytes <= 0 || s.bytes+bytes <= q.KVBytes)
}

// cost is what a value of that size adds; a key costs its own bytes, too.
func (s *state) cost(key string, size int) (keys, bytes int) {
	if old, ok, _ := s.get(key); ok {
		return 0, size - len(old)
	}
	return 1, len(key) + size
}

// write books a write that was judged before.
func (s *state) write(w runtime.KVWrite) {
	var keys, bytes int
	if w.Delete {
		if old, ok, _ := s.get(w.Key); ok {
			keys, bytes = -1, -len(w.Key)-len(old)
		}
	} else {
		keys, bytes = s.cost(w.Key, len(w.Value))
	}
	s.keys, s.bytes = s.keys+keys, s.bytes+bytes
	if s.own == nil {
		s.own = map[string]ownWrite{}
	}
	own := ownWrite{value: w.Value}
	if w.TTL > 0 {
		own.expires = time.Now().Add(w.TTL)
	}
	s.own[w.Key] = own
	s.writes = append(s.writes, w)
}

// list merges what is stored with the event's own writes. When more must be
// known, it says what.
func (s *state) list(q query) (pairs []runtime.KVPair, read *runtime.Read) {
	mine := s.ownKeys(q)
	base, whole := s.behind(q)
	for len(pairs) < q.limit {
		switch {
		case len(base) == 0 && !whole:
			return nil, s.more(q, q.limit-len(pairs))
		case len(base) == 0 && len(mine) == 0:
			return pairs, nil
		case len(base) == 0 || len(mine) > 0 && mine[0] <= base[0].Key:
			if len(base) > 0 && mine[0] == base[0].Key {
				base = base[1:]
			}
			if value, ok, _ := s.get(mine[0]); ok {
				pairs = append(pairs, runtime.KVPair{Key: mine[0], Value: value})
			}
			mine = mine[1:]
		default:
			pairs = append(pairs, base[0])
			base = base[1:]
		}
	}
	return pairs, nil
}

// ownKeys are the keys that the event wrote, of a query, in byte order.
func (s *state) ownKeys(q query) []string {
	var keys []string
	for key := range s.own {
		if strings.HasPrefix(key, q.prefix) && key > q.after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// behind is what is stored for a query, as far as it is known.
func (s *state) behind(q query) (pairs []runtime.KVPair, whole bool) {
	if !s.base.Complete {
		if known := s.scans[scanKey{q.prefix, q.after}]; known != nil {
			return known.pairs, known.whole
		}
		return nil, false
	}
	all := s.base.Pairs
	from := max(q.prefix, q.after)
	i, found := slices.BinarySearchFunc(all, from, comparePair)
	if found && from == q.after {
		i++
	}
	n := i
	for n < len(all) && n-i < q.limit+len(s.own) && strings.HasPrefix(all[n].Key, q.prefix) {
		n++
	}
	return all[i:n], true
}

// more asks for the next pairs of a query.
func (s *state) more(q query, limit int) *runtime.Read {
	read := &runtime.Read{List: true, Key: q.prefix, After: q.after, Limit: min(limit+len(s.own), listMost)}
	if known := s.scans[scanKey{q.prefix, q.after}]; known != nil && len(known.pairs) > 0 {
		read.After = known.pairs[len(known.pairs)-1].Key
	}
	return read
}

// reads collects what the waiting operations have to know, each thing once.
func (s *state) reads() []runtime.Read {
	var reads []runtime.Read
	s.asked = map[uint64]runtime.Read{}
	for _, op := range s.queue {
		read := op.missing()
		if read == nil || slices.Contains(reads, *read) {
			continue
		}
		reads = append(reads, *read)
	}
	for i := range reads {
		s.last++
		reads[i].ID = s.last
		s.asked[s.last] = reads[i]
	}
	return reads
}

// learn keeps an answer.
func (s *state) learn(res runtime.ReadResult) {
	read, ok := s.asked[res.ID]
	if !ok {
		return
	}
	delete(s.asked, res.ID)
	if s.known == nil {
		s.known = map[string][]byte{}
	}
	for _, pair := range res.Pairs {
		s.known[pair.Key] = pair.Value
	}
	if !read.List {
		if len(res.Pairs) == 0 {
			s.known[read.Key] = nil
		}
		return
	}
	for at, known := range s.scans {
		if at.prefix == read.Key && len(known.pairs) > 0 && known.pairs[len(known.pairs)-1].Key == read.After {
			known.grow(read, res)
		}
	}
	at := scanKey{read.Key, read.After}
	if s.scans[at] == nil {
		if s.scans == nil {
			s.scans = map[scanKey]*scan{}
		}
		s.scans[at] = &scan{}
		s.scans[at].grow(read, res)
	}
}

func (s *scan) grow(read runtime.Read, res runtime.ReadResult) {
	s.pairs = append(s.pairs, res.Pairs...)
	s.whole = len(res.Pairs) < read.Limit
}

// resume begins a segment. A new snapshot stands for all that was known, and
// for the event's own writes, which it holds.
func (s *state) resume(snapshot *runtime.Snapshot) {
	s.keys, s.bytes = 0, 0
	if snapshot == nil {
		return
	}
	s.base = *snapshot
	s.known, s.scans, s.own = nil, nil, nil
}

func (s *state) take() []runtime.KVWrite {
	writes := s.writes
	s.writes = nil
	return writes
}
