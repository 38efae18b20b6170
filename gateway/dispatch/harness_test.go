package dispatch_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/pool"
	"github.com/tendril-run/tendril/versions"
)

const patience = 20 * time.Second // for things that normally take milliseconds

// script is what an event does, in Go: it plays the worker's part.
type script func(e *event) error

// event is one invocation under way, seen from the script.
type event struct {
	ctx  context.Context
	inv  *runtime.Invocation
	host pool.Host
}

// commit ends a segment and waits for the next result.
func (e *event) commit(seg runtime.Segment) (*runtime.Resume, error) {
	return e.host.Segment(e.ctx, &seg)
}

// end ends the event.
func (e *event) end(seg runtime.Segment) error {
	if seg.Outcome == nil {
		seg.Outcome = &runtime.Outcome{}
	}
	_, err := e.host.Segment(e.ctx, &seg)
	return err
}

// rig is a dispatcher over a real database and real sessions, with scripts in
// Go.
type rig struct {
	t       *testing.T
	db      *sqlite.DB
	d       *dispatch.Dispatcher
	hub     *gateway.Hub
	catalog *catalog
	store   *gate

	mu  sync.Mutex
	run script
}

func newRig(t *testing.T, run script) *rig {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, run: run, store: &gate{Store: db}}
	r.catalog = &catalog{live: version("v1", versions.Deploy), db: db}
	r.d = dispatch.New(dispatch.Config{
		Store: r.store, Catalog: r.catalog, Runner: r, Lines: db, Epoch: db.Epoch(),
	})
	r.hub = gateway.NewHub(gateway.Config{Inbox: r.d, Presence: db})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.store.open()
		if err := r.hub.Drain(ctx); err != nil {
			t.Error("drain:", err)
		}
		r.d.Close()
		if err := db.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return r
}

// Run is the pool's verb.
func (r *rig) Run(ctx context.Context, inv *runtime.Invocation, _ pool.Code, host pool.Host) error {
	r.mu.Lock()
	run := r.run
	r.mu.Unlock()
	return run(&event{ctx, inv, host})
}

// device makes a device of a project.
func (r *rig) device(id string) device.Key {
	r.t.Helper()
	p, err := r.db.Project(r.t.Context(), "default", "home")
	if err != nil {
		if p, err = r.db.CreateProject(r.t.Context(), "default", "home"); err != nil {
			r.t.Fatal(err)
		}
	}
	key := device.Key{Project: p.ID, ID: id}
	if _, err := r.db.CreateDevice(r.t.Context(), key, "app", sha256.Sum256([]byte(rand.Text()))); err != nil {
		r.t.Fatal(err)
	}
	return key
}

// value reads a committed key.
func (r *rig) value(key device.Key, name string) string {
	value, err := r.db.Pair(r.t.Context(), key, name)
	if err != nil {
		return ""
	}
	return string(value)
}

// catalog has one script with one live version.
type catalog struct {
	db *sqlite.DB

	mu   sync.Mutex
	live liveVersion
}

type liveVersion struct {
	version versions.Version
	kind    versions.Kind
}

// version handles everything.
func version(uuid string, kind versions.Kind) liveVersion {
	return liveVersion{versions.Version{
		Number: 1, UUID: uuid, Script: versions.Script{Name: "app", Main: "app.ts"},
		Report: versions.Report{Handlers: []string{"onDeviceConnect", "onDeviceDisconnect", "onMessage"}},
	}, kind}
}

func (c *catalog) set(v liveVersion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = v
}

func (c *catalog) Script(context.Context, device.Key) (string, error) { return "app", nil }

func (c *catalog) Live(context.Context, string, string) (versions.Version, versions.Bundle, versions.Kind, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live.version, versions.Bundle{}, c.live.kind, nil
}

func (c *catalog) Remove(ctx context.Context, key device.Key) error {
	return c.db.Remove(ctx, key)
}

// gate is the database with a gate before its commits.
type gate struct {
	dispatch.Store

	mu      sync.Mutex
	shut    chan struct{} // commits wait until it is closed
	fail    error
	commits []dispatch.Change
	arrived chan struct{} // one token for each commit that waits
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.arrived = make(chan struct{}), make(chan struct{}, 64)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) failWith(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

// count is the number of commits so far.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.commits)
}

func (g *gate) Commit(ctx context.Context, c dispatch.Change) (dispatch.Rev, error) {
	g.mu.Lock()
	shut, arrived, fail := g.shut, g.arrived, g.fail
	g.commits = append(g.commits, c)
	g.mu.Unlock()
	if shut != nil {
		arrived <- struct{}{}
		<-shut
	}
	if fail != nil {
		return "", fail
	}
	return g.Store.Commit(ctx, c)
}

// client is a device's end of an in-memory connection.
type client struct {
	t    *testing.T
	in   chan wire.Frame // to the server
	out  chan wire.Frame // from the server
	done chan struct{}
	once sync.Once
	code wire.CloseCode // once done
}

func (c *client) Read(ctx context.Context) (wire.Frame, error) {
	select {
	case f := <-c.in:
		return f, nil
	case <-c.done:
		return wire.Frame{}, io.EOF
	case <-ctx.Done():
		return wire.Frame{}, ctx.Err()
	}
}

func (c *client) Write(_ context.Context, f wire.Frame) error {
	f.Data = append([]byte(nil), f.Data...)
	select {
	case c.out <- f:
		return nil
	case <-c.done:
		return io.ErrClosedPipe
	}
}

func (c *client) Ping(context.Context) error { return nil }

func (c *client) Close(code wire.CloseCode, _ string) {
	c.once.Do(func() { c.code = code; close(c.done) })
}

func (c *client) Drop() { c.Close(0, "") }

// connect opens a session of the device.
func (r *rig) connect(key device.Key, acks bool) *client {
	r.t.Helper()
	c := &client{t: r.t, in: make(chan wire.Frame), out: make(chan wire.Frame, 1024), done: make(chan struct{})}
	go r.hub.Serve(context.Background(), gateway.Admission{Key: key, Dialect: native.Dialect{}, HelloFirst: true}, c) // until the hub drains
	c.hear("$welcome")
	if acks {
		c.say(`{"type":"$hello","acks":true}`)
	} else {
		c.say(`{"type":"$hello"}`)
	}
	return c
}

func (c *client) say(text string) {
	c.t.Helper()
	select {
	case c.in <- wire.Frame{Data: []byte(text)}:
	case <-time.After(patience):
		c.t.Fatalf("the server does not read: %s", text)
	}
}

// hear returns the next frame, which must be of a type.
func (c *client) hear(kind string) map[string]any {
	c.t.Helper()
	select {
	case f := <-c.out:
		var frame map[string]any
		if err := json.Unmarshal(f.Data, &frame); err != nil {
			c.t.Fatal(err)
		}
		if frame["type"] != kind {
			c.t.Fatalf("heard %s instead of %s", f.Data, kind)
		}
		return frame
	case <-time.After(patience):
		c.t.Fatalf("nothing to hear instead of %s", kind)
	}
	return nil
}

// silent says that nothing was said so far.
func (c *client) silent() bool { return len(c.out) == 0 }

func frameOf(text string) wire.Frame { return wire.Frame{Data: []byte(text)} }

func command(text string) runtime.Command { return runtime.Command{Body: []byte(text)} }

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true in time")
		}
		time.Sleep(time.Millisecond)
	}
}

// onlyMessages runs fn for messages and lets other events pass.
func onlyMessages(fn script) script {
	return func(e *event) error {
		if e.inv.Event.Kind != runtime.Message {
			return e.end(runtime.Segment{})
		}
		return fn(e)
	}
}

func says(e *event, word string) bool { return strings.Contains(string(e.inv.Event.Payload), word) }
