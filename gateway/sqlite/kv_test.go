package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/runtime"
)

func TestPairsAreReadInOrder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &clock{at: time.UnixMilli(1000)}
	d := open(t, t.TempDir(), Options{Now: c.now})
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	changes := slices.Concat(put("a", "1"), put("a/1", "2"), put("a/2", "3"), put("b", "4"), put("old", "5"))
	changes[4].Expires = 2000
	if err := o.commit(dispatch.Change{KV: changes}); err != nil {
		t.Fatal(err)
	}
	names := func(prefix, after string, limit int) (out []string) {
		list, err := d.Pairs(ctx, o.key, prefix, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range list {
			out = append(out, pair.Key+"="+string(pair.Value))
		}
		return out
	}
	got := [][]string{names("", "", 2), names("", "a/1", 9), names("a/", "", 9), names("a/", "a/1", 9), names("a/", "zzz", 9), names("a/", "A", 9)}
	want := "[[a=1 a/1=2] [a/2=3 b=4 old=5] [a/1=2 a/2=3] [a/2=3] [] [a/1=2 a/2=3]]"
	if fmt.Sprint(got) != want {
		t.Fatalf("pairs %v, want %s", got, want)
	}
	if value, err := d.Pair(ctx, o.key, "old"); err != nil || string(value) != "5" {
		t.Fatalf("value %s, error %v", value, err)
	}
	c.at = time.UnixMilli(2000)
	if value, err := d.Pair(ctx, o.key, "old"); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("an expired key is %s, error %v", value, err)
	}
	if list := names("old", "", 9); len(list) != 0 {
		t.Fatalf("expired keys are listed: %v", list)
	}
	if err := d.ExpireKV(ctx); err != nil {
		t.Fatal(err)
	}
	var left []runtime.KVPair
	err := d.readers.do(ctx, func(c *conn) error {
		return c.each(func(r row) error { left = append(left, runtime.KVPair{Key: r.text(0)}); return nil }, `SELECT key FROM kv`)
	})
	if err != nil || len(left) != 4 {
		t.Fatalf("rows left %v, error %v", left, err)
	}
}
