package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/dispatch/storetest"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/versions"
)

// What the rooms above ask of a database.
var (
	_ dispatch.Store   = (*DB)(nil)
	_ dispatch.Catalog = (*DB)(nil)
	_ dispatch.Lines   = (*DB)(nil)
	_ logs.Store       = (*DB)(nil)
	_ auth.Tokens      = (*DB)(nil)
	_ versions.Store   = (*DB)(nil)
)

func TestStoreDoor(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) *storetest.Subject {
		dir := t.TempDir()
		d := open(t, dir, Options{})
		p := project(t, d)
		s := &storetest.Subject{Store: d, Logs: d, Epoch: d.Epoch(), Now: d.now}
		s.AddDevice = func(t *testing.T, id string) device.Key { return addDevice(t, d, p.ID, id) }
		s.RemoveDevice = func(t *testing.T, key device.Key) {
			if err := d.Remove(context.Background(), key); err != nil {
				t.Fatal(err)
			}
		}
		s.Reopen = func(t *testing.T) dispatch.Store {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			d = open(t, dir, Options{})
			s.Store, s.Logs = d, d
			return d
		}
		return s
	})
}

func TestGroupCommitOfManyIsDurable(t *testing.T) {
	t.Parallel()
	const devices, rounds = 50, 40
	dir := t.TempDir()
	d := open(t, dir, Options{})
	p := project(t, d)
	var group sync.WaitGroup
	for i := range devices {
		o := mustOwn(t, d, addDevice(t, d, p.ID, fmt.Sprintf("d%d", i)))
		group.Go(func() {
			for n := range rounds {
				id := fmt.Sprintf("m-%d", n)
				if err := o.commit(dispatch.Change{KV: put(id, fmt.Sprint(n)), Seen: []dispatch.Seen{{ID: id, Status: "ok", At: int64(n)}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, Options{})
	for i := range devices {
		state, _, err := d.Load(context.Background(), device.Key{Project: p.ID, ID: fmt.Sprintf("d%d", i)}, d.Epoch())
		if err != nil {
			t.Fatal(err)
		}
		if len(state.KV) != rounds || len(state.Seen) != rounds {
			t.Fatalf("d%d has %d keys and %d ids, want %d", i, len(state.KV), len(state.Seen), rounds)
		}
	}
}

// hold keeps the writer busy until release is called, so that what is sent
// meanwhile shares a transaction.
func hold(d *DB) (release func()) {
	running, gate := make(chan struct{}), make(chan struct{})
	go d.writer.do(context.Background(), &write{idle: true, apply: func(*conn) error {
		close(running)
		<-gate
		return nil
	}})
	<-running
	return func() { close(gate) }
}

// queue sends a write and returns where its result will be.
func queue(t *testing.T, d *DB, x *write) chan error {
	t.Helper()
	x.done = make(chan error, 1)
	if err := d.writer.send(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return x.done
}

func TestAFailingWriteDoesNotSpoilItsCompany(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	insert := func(slug string) func(c *conn) error {
		return func(c *conn) error {
			_, err := c.exec(`INSERT INTO projects (id, owner, slug, created_at) VALUES (?, 'default', ?, 0)`, slug, slug)
			return err
		}
	}
	o := mustOwn(t, d, addDevice(t, d, p.ID, "d"))
	release := hold(d)
	commit := make(chan error, 1)
	go func() { commit <- o.commit(dispatch.Change{KV: put("k", "1")}) }()
	for len(d.writer.queue) == 0 {
		runtime.Gosched()
	}
	good := queue(t, d, &write{apply: insert("one")})
	bad := queue(t, d, &write{apply: func(c *conn) error {
		if err := insert("two")(c); err != nil {
			return err
		}
		return insert(p.Slug)(c)
	}})
	later := queue(t, d, &write{apply: insert("three")})
	release()
	if err := errors.Join(<-commit, <-good, <-later); err != nil {
		t.Fatalf("the company of a failing write failed: %v", err)
	}
	if <-bad == nil {
		t.Fatal("a slug was taken twice")
	}
	if err := o.commit(dispatch.Change{KV: put("k", "2")}); err != nil {
		t.Fatalf("the next commit: %v", err)
	}
	list, err := d.Projects(context.Background(), "default", "", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var slugs []string
	for _, p := range list {
		slugs = append(slugs, p.Slug)
	}
	if fmt.Sprint(slugs) != "[one plant three]" {
		t.Fatalf("projects %v", slugs)
	}
}

func TestAFullDiskFailsTheWholeBatchAndNothingElse(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), Options{})
	o := mustOwn(t, d, addDevice(t, d, project(t, d).ID, "d"))
	limit := func(pages int64) {
		err := d.writer.do(context.Background(), &write{idle: true, apply: func(c *conn) error {
			if pages == 0 {
				n, err := c.number("PRAGMA page_count")
				if err != nil {
					return err
				}
				pages = n
			}
			_, err := c.number(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(0)
	big := make([]byte, 60_000)
	for i := range big {
		big[i] = '1'
	}
	err := o.commit(dispatch.Change{KV: append(put("small", "1"), put("big", string(big))...)})
	if !errors.Is(err, dispatch.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	limit(1 << 30)
	if err := o.commit(dispatch.Change{KV: put("after", "1")}); err != nil {
		t.Fatalf("commit when there is room again: %v", err)
	}
	state, _, err := d.Load(context.Background(), o.key, d.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	if len(state.KV) != 1 || state.KV[0].Key != "after" {
		t.Fatalf("state %+v", state.KV)
	}
}
