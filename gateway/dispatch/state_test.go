package dispatch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tendril-run/tendril/runtime"
)

func put(key, value string, expires int64) KVChange {
	return KVChange{KV: KV{Key: key, Value: []byte(value), Expires: expires}}
}

func keys(pairs []runtime.KVPair) string {
	var names []string
	for _, p := range pairs {
		names = append(names, p.Key)
	}
	return strings.Join(names, " ")
}

func TestStateAppliesChangesInOrder(t *testing.T) {
	t.Parallel()
	var st state
	st.apply([]KVChange{put("b", "1", 0), put("a", "22", 0), put("b", "333", 0), put("c", "4", 0), {KV: KV{Key: "c"}, Delete: true}, {KV: KV{Key: "none"}, Delete: true}})
	if got := keys(st.snapshot().Pairs); got != "a b" {
		t.Errorf("keys: %s", got)
	}
	if want := len("a") + len("22") + len("b") + len("333"); st.bytes != want {
		t.Errorf("bytes = %d, want %d", st.bytes, want)
	}
}

func TestStateDropsKeysWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	var st state
	st.apply([]KVChange{put("a", "1", 100), put("b", "1", 200), put("c", "1", 0)})
	st.expire(99)
	if got := keys(st.snapshot().Pairs); got != "a b c" {
		t.Errorf("too early: %s", got)
	}
	st.expire(100)
	if got := keys(st.snapshot().Pairs); got != "b c" || st.soon != 200 {
		t.Errorf("keys: %s, next at %d", got, st.soon)
	}
}

func TestStateAnswersReads(t *testing.T) {
	t.Parallel()
	var st state
	for _, k := range []string{"a", "p/1", "p/2", "p/3", "q"} {
		st.apply([]KVChange{put(k, "1", 0)})
	}
	for _, c := range []struct {
		read runtime.Read
		want string
	}{
		{runtime.Read{Key: "p/2"}, "p/2"},
		{runtime.Read{Key: "p"}, ""},
		{runtime.Read{List: true, Limit: 10}, "a p/1 p/2 p/3 q"},
		{runtime.Read{List: true, Key: "p/", Limit: 10}, "p/1 p/2 p/3"},
		{runtime.Read{List: true, Key: "p/", Limit: 2}, "p/1 p/2"},
		{runtime.Read{List: true, Key: "p/", After: "p/2", Limit: 10}, "p/3"},
		{runtime.Read{List: true, Key: "p/", After: "p/1x", Limit: 10}, "p/2 p/3"},
		{runtime.Read{List: true, Key: "p/", After: "z", Limit: 10}, ""},
		{runtime.Read{List: true, After: "a", Limit: 1}, "p/1"},
	} {
		if diff := cmp.Diff(c.want, keys(st.read(c.read).Pairs)); diff != "" {
			t.Errorf("%+v: %s", c.read, diff)
		}
	}
}

func TestLargeStateIsNotCarriedWithTheInvocation(t *testing.T) {
	t.Parallel()
	var st state
	st.apply([]KVChange{put("big", `"`+strings.Repeat("x", snapshotBytes)+`"`, 0)})
	if snap := st.snapshot(); snap.Complete || len(snap.Pairs) > 0 {
		t.Errorf("snapshot: complete %t, %d pairs", snap.Complete, len(snap.Pairs))
	}
}
