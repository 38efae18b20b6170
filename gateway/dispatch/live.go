package dispatch

import (
	"context"
	"sync"

	"github.com/tendril-run/tendril/runtime/pool"
	"github.com/tendril-run/tendril/versions"
)

// target is what an event runs against.
type target struct {
	version versions.Version
	code    pool.Code
	reason  string // of the connect call that a change to this version makes
}

// liveCache remembers the live version of scripts. A flip drops its entries
// before the deployment is answered, so that no event that leaves its mailbox
// later runs on the older version.
type liveCache struct {
	mu      sync.RWMutex
	flips   uint64 // an answer read before a flip is not kept
	targets map[scriptKey]*target
}

type scriptKey struct{ project, script string }

// resolve returns what the device runs now. Errors: ErrNoDevice,
// versions.ErrNotFound when nothing is live. Owner goroutine only.
func (m *Mailbox) resolve(ctx context.Context) (*target, error) {
	m.mu.Lock()
	script := m.script
	m.mu.Unlock()
	if script == "" {
		var err error
		if script, err = m.d.Catalog.Script(ctx, m.key); err != nil {
			return nil, err
		}
		m.mu.Lock()
		m.script = script
		m.mu.Unlock()
	}
	return m.d.lookup(ctx, scriptKey{m.key.Project, script})
}

func (d *Dispatcher) lookup(ctx context.Context, key scriptKey) (*target, error) {
	d.live.mu.RLock()
	t, flips := d.live.targets[key], d.live.flips
	d.live.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	version, bundle, kind, err := d.Catalog.Live(ctx, key.project, key.script)
	if err != nil {
		return nil, err
	}
	t = &target{version: version, reason: "deploy", code: pool.Code{
		Version:   version.UUID,
		Script:    version.Script.Name,
		Main:      version.Script.Main,
		Bundle:    bundle.Code,
		SourceMap: bundle.SourceMap,
		Handlers:  version.Report.Handlers,
	}}
	if kind == versions.Rollback {
		t.reason = "rollback"
	}
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	if d.live.flips == flips {
		if d.live.targets == nil {
			d.live.targets = make(map[scriptKey]*target)
		}
		d.live.targets[key] = t
	}
	return t, nil
}

// drop forgets what is live for these scripts.
func (c *liveCache) drop(project string, scripts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flips++
	for _, s := range scripts {
		delete(c.targets, scriptKey{project, s})
	}
}
