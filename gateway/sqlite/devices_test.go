package sqlite

import (
	"context"
	"errors"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

func TestDevicesAreAddedMovedAndListed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	for _, id := range []string{"b", "a", "C"} {
		addDevice(t, d, p.ID, id)
	}
	key := device.Key{Project: p.ID, ID: "a"}
	if _, err := d.CreateDevice(ctx, key, "other", tokenHash("x")); !errors.Is(err, auth.ErrExists) {
		t.Fatalf("the same device twice: %v", err)
	}
	if _, err := d.CreateDevice(ctx, device.Key{Project: "nonsense", ID: "a"}, "other", tokenHash("x")); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("a device of no project: %v", err)
	}
	if err := d.MoveDevice(ctx, key, "not-there-yet"); err != nil {
		t.Fatal(err)
	}
	list, err := d.Devices(ctx, p.ID, 1, 2)
	if err != nil || len(list) != 2 || list[0].Key.ID != "a" || list[0].Script != "not-there-yet" || list[1].Key.ID != "b" {
		t.Fatalf("devices %+v, error %v", list, err)
	}
	unknown := device.Key{Project: p.ID, ID: "unknown"}
	for name, err := range map[string]error{
		"move": d.MoveDevice(ctx, unknown, "x"), "remove": d.Remove(ctx, unknown),
		"script": func() error { _, err := d.Script(ctx, unknown); return err }(),
		"pair":   func() error { _, err := d.Pair(ctx, unknown, "k"); return err }(),
		"pairs":  func() error { _, err := d.Pairs(ctx, unknown, "", "", 1); return err }(),
	} {
		if !errors.Is(err, dispatch.ErrNoDevice) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemovingADeviceLeavesNoRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	o, other := mustOwn(t, d, addDevice(t, d, p.ID, "d")), mustOwn(t, d, addDevice(t, d, p.ID, "other"))
	for _, o := range []*owned{o, other} {
		err := o.commit(dispatch.Change{KV: put("k", "1"), Seen: []dispatch.Seen{{ID: "m", Status: "ok", At: 1}},
			Outbox: []dispatch.OutboxChange{{Verb: dispatch.Add, Stored: dispatch.Stored{Body: []byte("{}")}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Remove(ctx, o.key); err != nil {
		t.Fatal(err)
	}
	err := d.readers.do(ctx, func(c *conn) error {
		for _, table := range []string{"kv", "seen", "outbox", "device_tokens", "devices"} {
			n, err := c.number("SELECT count(*) FROM " + table)
			if err != nil {
				return err
			}
			if n != 1 {
				t.Errorf("%s has %d rows, want those of the other device", table, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
