package wire

import (
	"bytes"
	"hash/maphash"
)

const (
	fewKeys    = 8   // up to these are compared one by one
	firstTable = 128 // slots; a larger table is not kept
	keptArena  = 4 << 10
)

// keys remembers the keys of the objects that are open, to find one that comes
// twice. Small objects are compared key by key; larger ones go through a hash
// table with a random seed, so that no text is slow to check.
type keys struct {
	spans []span // of all open objects, innermost last
	arena []byte // keys whose escapes were resolved
	table []slot
	used  int    // slots
	last  uint32 // serial of the newest object with a table
	seed  maphash.Seed
}

// span is a key's text, in the scanned text or in the arena.
type span struct {
	from, to int
	arena    bool
}

// slot belongs to one object by its serial; those of closed objects are never
// matched again.
type slot struct {
	serial uint32 // 0 is a free slot
	span   uint32
	hash   uint64
}

// level is one open object.
type level struct {
	base   int    // its first span
	arena  int    // what the arena held before it
	serial uint32 // 0 until it has many keys
}

func newKeys() keys { return keys{seed: maphash.MakeSeed()} }

func (k *keys) reset() {
	k.spans, k.used, k.last = k.spans[:0], 0, 0
	if cap(k.arena) > keptArena {
		k.arena = nil
	}
	k.arena = k.arena[:0]
	if len(k.table) > firstTable {
		k.table = nil
	}
}

func (k *keys) open() level { return level{base: len(k.spans), arena: len(k.arena)} }

func (k *keys) close(l level) {
	k.spans, k.arena = k.spans[:l.base], k.arena[:l.arena]
}

// add remembers data[from:to] as a key of the innermost object. It returns the
// key with its escapes resolved, and false when the object has it already.
func (k *keys) add(l *level, data []byte, from, to int, escaped bool) ([]byte, bool) {
	s := span{from: from, to: to}
	if escaped {
		s = span{from: len(k.arena), arena: true}
		k.arena, _ = appendText(k.arena, data[from:to])
		s.to = len(k.arena)
	}
	text := k.text(data, s)
	if len(k.spans)-l.base < fewKeys {
		for _, other := range k.spans[l.base:] {
			if bytes.Equal(text, k.text(data, other)) {
				return text, false
			}
		}
		k.spans = append(k.spans, s)
		return text, true
	}
	if l.serial == 0 {
		k.last++
		l.serial = k.last
		for i := l.base; i < len(k.spans); i++ {
			k.insert(data, l.serial, i)
		}
	}
	k.spans = append(k.spans, s)
	return text, k.insert(data, l.serial, len(k.spans)-1)
}

func (k *keys) text(data []byte, s span) []byte {
	if s.arena {
		return k.arena[s.from:s.to]
	}
	return data[s.from:s.to]
}

// insert puts a span into the table; false when the object's key is there.
func (k *keys) insert(data []byte, serial uint32, at int) bool {
	if k.used == 0 {
		if k.table == nil {
			k.table = make([]slot, firstTable)
		}
		clear(k.table)
	}
	if 2*k.used >= len(k.table) {
		k.grow()
	}
	text := k.text(data, k.spans[at])
	hash := maphash.Bytes(k.seed, text) ^ uint64(serial)*0x9e3779b97f4a7c15
	mask := uint64(len(k.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch s := &k.table[i]; {
		case s.serial == 0:
			*s = slot{serial: serial, span: uint32(at), hash: hash}
			k.used++
			return true
		case s.serial == serial && s.hash == hash && bytes.Equal(text, k.text(data, k.spans[s.span])):
			return false
		}
	}
}

func (k *keys) grow() {
	old := k.table
	k.table = make([]slot, 2*len(old))
	mask := uint64(len(k.table) - 1)
	for _, s := range old {
		if s.serial == 0 {
			continue
		}
		i := s.hash & mask
		for k.table[i].serial != 0 {
			i = (i + 1) & mask
		}
		k.table[i] = s
	}
}
