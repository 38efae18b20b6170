package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

func unknownDevice(t *testing.T, s *Subject) {
	known := s.AddDevice(t, "d")
	o := &owner{t: t, store: s.Store, key: device.Key{Project: known.Project, ID: "unknown"}, epoch: s.Epoch}
	_, _, err := s.Store.Load(context.Background(), o.key, o.epoch)
	wantError(t, err, dispatch.ErrNoDevice)
	wantError(t, o.try(dispatch.Change{Ran: "v"}), dispatch.ErrNoDevice)
}

func commitNeedsLoad(t *testing.T, s *Subject) {
	o := &owner{t: t, store: s.Store, key: s.AddDevice(t, "d"), epoch: s.Epoch}
	wantError(t, o.try(dispatch.Change{Ran: "v"}), dispatch.ErrConflict)
}

func staleRevision(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	first := o.rev
	o.commit(dispatch.Change{KV: []dispatch.KVChange{put("k", "1")}})
	second := o.rev
	if first == second {
		t.Fatal("a commit left the revision as it was")
	}
	o.rev = first
	wantError(t, o.try(dispatch.Change{KV: []dispatch.KVChange{put("k", "2")}}), dispatch.ErrConflict)
	o.rev = second
	o.commit(dispatch.Change{KV: []dispatch.KVChange{put("l", "3")}})
	if kv := o.load().KV; len(kv) != 2 || string(kv[0].Value) != "1" {
		t.Fatalf("a refused change left something: %v", kv)
	}
}

func fencing(t *testing.T, s *Subject) {
	old := own(t, s, "d")
	old.commit(dispatch.Change{KV: []dispatch.KVChange{put("k", "1")}})
	young := &owner{t: t, store: s.Store, key: old.key, epoch: old.epoch + 1}
	if kv := young.load().KV; len(kv) != 1 {
		t.Fatalf("the new owner sees %v", kv)
	}
	wantError(t, old.try(dispatch.Change{KV: []dispatch.KVChange{put("k", "2")}}), dispatch.ErrFenced)
	_, _, err := s.Store.Load(context.Background(), old.key, old.epoch)
	wantError(t, err, dispatch.ErrFenced)
	young.commit(dispatch.Change{KV: []dispatch.KVChange{put("l", "3")}})
	if kv := young.load().KV; len(kv) != 2 || string(kv[0].Value) != "1" {
		t.Fatalf("the fenced change left something: %v", kv)
	}
}

func whole(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	bad := dispatch.OutboxChange{Verb: "nonsense"}
	if o.try(dispatch.Change{Ran: "v", KV: []dispatch.KVChange{put("k", "1")}, Outbox: []dispatch.OutboxChange{add("1"), bad}}) == nil {
		t.Fatal("a change with an unknown verb was taken")
	}
	state := o.load()
	if len(state.KV)+len(state.Outbox) != 0 || state.Ran != "" {
		t.Fatalf("half a change was kept: %+v", state)
	}
}

func independent(t *testing.T, s *Subject) {
	const devices, rounds = 20, 15
	owners := make([]*owner, devices)
	for i := range owners {
		owners[i] = own(t, s, fmt.Sprintf("d%d", i))
	}
	var group sync.WaitGroup
	for i, o := range owners {
		group.Go(func() {
			for n := range rounds {
				change := dispatch.Change{KV: []dispatch.KVChange{put("n", fmt.Sprint(n))}, Outbox: []dispatch.OutboxChange{add("{}")}}
				if i%5 == 0 && n%3 == 1 {
					good := o.rev
					o.rev += "stale"
					if err := o.try(change); !errors.Is(err, dispatch.ErrConflict) {
						t.Errorf("stale commit: %v", err)
					}
					o.rev = good
				}
				if err := o.try(change); err != nil {
					t.Errorf("commit: %v", err)
				}
			}
		})
	}
	group.Wait()
	rows := map[int64]bool{}
	for _, o := range owners {
		state := o.load()
		if len(state.KV) != 1 || string(state.KV[0].Value) != fmt.Sprint(rounds-1) || len(state.Outbox) != rounds {
			t.Fatalf("%s: %v and %d commands", o.key, state.KV, len(state.Outbox))
		}
		for _, stored := range state.Outbox {
			rows[stored.Row] = true
		}
	}
	if len(rows) != devices*rounds {
		t.Fatalf("%d different rows of %d commands", len(rows), devices*rounds)
	}
}
