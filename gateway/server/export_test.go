package server

import "github.com/tendril-run/tendril/gateway/dispatch"

// Wrap puts something between the dispatcher and its store or its runner; nil is
// nothing.
func (c *Config) Wrap(store func(dispatch.Store) dispatch.Store, runner func(dispatch.Runner) dispatch.Runner) {
	c.wrapStore, c.wrapRunner = store, runner
}
