package sqlite

import (
	"context"
	"testing"
)

func TestPresenceIsShownAtOnceAndWrittenAtTheClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	d := open(t, dir, Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	d.Online(key, 10)
	d.Metadata(key, []byte(`{"name":"x"}`))
	d.Offline(key, 30)
	d.Online(key, 20)
	check := func() {
		t.Helper()
		dev, err := d.Device(ctx, key)
		if err != nil || dev.LastSeen != 30 || string(dev.Metadata) != `{"name":"x"}` {
			t.Fatalf("device %+v, error %v", dev, err)
		}
	}
	check()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, Options{})
	check()
	d.Offline(key, 25)
	if err := d.flushPresence(); err != nil {
		t.Fatal(err)
	}
	check()
}
