package storetest

import (
	"testing"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

func newDevice(t *testing.T, s *Subject) {
	state := own(t, s, "d").load()
	if len(state.KV)+len(state.Outbox)+len(state.Seen) != 0 || state.Ran != "" {
		t.Fatalf("state of a new device: %+v", state)
	}
}

func keys(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	o.commit(dispatch.Change{KV: []dispatch.KVChange{put("b", "1"), put("é", "2"), put("B", "3"), put("a/1", "4"), put("a", "5"), put("b", "6")}})
	o.commit(dispatch.Change{KV: []dispatch.KVChange{{KV: dispatch.KV{Key: "a"}, Delete: true}, put("B", `{"x":[1,2]}`), {KV: dispatch.KV{Key: "none"}, Delete: true}}})
	want := []dispatch.KV{
		{Key: "B", Value: []byte(`{"x":[1,2]}`)},
		{Key: "a/1", Value: []byte("4")},
		{Key: "b", Value: []byte("6")},
		{Key: "é", Value: []byte("2")},
	}
	same(t, want, o.load().KV)
	other := own(t, s, "other")
	if kv := other.load().KV; len(kv) != 0 {
		t.Fatalf("another device sees %v", kv)
	}
}

func expiredKeys(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	now := s.Now()
	past, later, never := put("past", "1"), put("later", "2"), put("never", "3")
	past.Expires, later.Expires = now-1, now+3_600_000
	o.commit(dispatch.Change{KV: []dispatch.KVChange{past, later, never}})
	want := []dispatch.KV{later.KV, never.KV}
	same(t, want, o.load().KV)
	again := put("past", "4")
	o.commit(dispatch.Change{KV: []dispatch.KVChange{again}})
	if kv := o.load().KV; len(kv) != 3 {
		t.Fatalf("a key put again is not there: %v", kv)
	}
}

func ids(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	o.commit(dispatch.Change{Seen: []dispatch.Seen{{ID: "z", Status: "running", At: 1}, {ID: "y", Status: "ok", At: 2}}})
	o.commit(dispatch.Change{Seen: []dispatch.Seen{{ID: "a", Status: "ok", At: 3}}, Forget: []string{"y", "unknown"}})
	o.commit(dispatch.Change{Seen: []dispatch.Seen{{ID: "z", Status: "error", Ack: []byte(`{"name":"E"}`), At: 1}}})
	want := []dispatch.Seen{{ID: "z", Status: "error", Ack: []byte(`{"name":"E"}`), At: 1}, {ID: "a", Status: "ok", At: 3}}
	same(t, want, o.load().Seen)
}

func ran(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	o.commit(dispatch.Change{Ran: "v-1"})
	o.commit(dispatch.Change{KV: []dispatch.KVChange{put("k", "1")}})
	if got := o.load().Ran; got != "v-1" {
		t.Fatalf("Ran = %q", got)
	}
	o.commit(dispatch.Change{Ran: "v-2"})
	if got := o.load().Ran; got != "v-2" {
		t.Fatalf("Ran = %q", got)
	}
}

func reuse(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	kv, command := put("k", "1111"), add("1111")
	ack := []byte("1111")
	o.commit(dispatch.Change{KV: []dispatch.KVChange{kv}, Outbox: []dispatch.OutboxChange{command},
		Seen: []dispatch.Seen{{ID: "m", Status: "error", Ack: ack, At: 1}}})
	copy(kv.Value, "2222")
	copy(command.Body, "2222")
	copy(ack, "2222")
	state := o.load()
	for _, got := range [][]byte{state.KV[0].Value, state.Outbox[0].Body, state.Seen[0].Ack} {
		if string(got) != "1111" {
			t.Fatalf("stored bytes changed with the caller's: %s", got)
		}
	}
}

func survives(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	commands := []dispatch.OutboxChange{add(`{"type":"x"}`)}
	commands[0].Key, commands[0].Expires, commands[0].Durable = "k", s.Now()+3_600_000, true
	o.commit(dispatch.Change{Ran: "v", KV: []dispatch.KVChange{put("k", "1")}, Outbox: commands,
		Seen: []dispatch.Seen{{ID: "m", Status: "ok", At: 7}}})
	o.store = s.Reopen(t)
	stale := o.rev
	want := dispatch.State{Ran: "v", KV: []dispatch.KV{{Key: "k", Value: []byte("1")}},
		Outbox: []dispatch.Stored{commands[0].Stored}, Seen: []dispatch.Seen{{ID: "m", Status: "ok", At: 7}}}
	same(t, want, o.load())
	o.commit(dispatch.Change{KV: []dispatch.KVChange{put("k", "2")}})
	o.rev = stale
	wantError(t, o.try(dispatch.Change{KV: []dispatch.KVChange{put("k", "3")}}), dispatch.ErrConflict)
}

func removed(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	o.commit(dispatch.Change{Ran: "v", KV: []dispatch.KVChange{put("k", "1")}, Outbox: []dispatch.OutboxChange{add("{}")},
		Seen: []dispatch.Seen{{ID: "m", Status: "ok", At: 7}}})
	s.RemoveDevice(t, o.key)
	wantError(t, o.try(dispatch.Change{KV: []dispatch.KVChange{put("k", "2")}}), dispatch.ErrNoDevice)
	s.AddDevice(t, "d")
	wantError(t, o.try(dispatch.Change{KV: []dispatch.KVChange{put("k", "2")}}), dispatch.ErrConflict)
	if state := o.load(); len(state.KV)+len(state.Outbox)+len(state.Seen) != 0 || state.Ran != "" {
		t.Fatalf("state of the new device: %+v", state)
	}
}
