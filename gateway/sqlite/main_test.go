package sqlite

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/runtime"
)

// children are what the test binary can act as: each is given a data directory.
var children = map[string]func(dir string) error{"hammer": hammer, "broken-disk": brokenDisk, "counter": counter, "locker": locker}

// TestMain lets the test binary act as a process that the tests can kill.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		if act, ok := children[os.Args[1]]; ok {
			if err := act(os.Args[2]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

// clock is a test's own time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t testing.TB, dir string, opts Options) *DB {
	t.Helper()
	d, err := Open(context.Background(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func project(t testing.TB, d *DB) auth.Project {
	t.Helper()
	p, err := d.CreateProject(context.Background(), "default", "plant")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func addDevice(t testing.TB, d *DB, project, id string) device.Key {
	t.Helper()
	key := device.Key{Project: project, ID: id}
	if _, err := d.CreateDevice(context.Background(), key, "thermostat", tokenHash(key.String())); err != nil {
		t.Fatal(err)
	}
	return key
}

func tokenHash(text string) (hash [32]byte) {
	copy(hash[:], text)
	hash[31] = byte(len(text))
	return hash
}

// owned is a device with its owner's revision.
type owned struct {
	d   *DB
	key device.Key
	rev dispatch.Rev
}

func own(d *DB, key device.Key) (*owned, error) {
	_, rev, err := d.Load(context.Background(), key, d.Epoch())
	return &owned{d, key, rev}, err
}

func mustOwn(t testing.TB, d *DB, key device.Key) *owned {
	t.Helper()
	o, err := own(d, key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *owned) commit(c dispatch.Change) error {
	c.Key, c.Epoch, c.Expect = o.key, o.d.Epoch(), o.rev
	rev, err := o.d.Commit(context.Background(), c)
	if err == nil {
		o.rev = rev
	}
	return err
}

func put(key, value string) []dispatch.KVChange {
	return []dispatch.KVChange{{KV: dispatch.KV{Key: key, Value: []byte(value)}}}
}

func line(level runtime.Level, at int64, message string) runtime.Line {
	return runtime.Line{Time: at, Level: level, Message: message}
}
