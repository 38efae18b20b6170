// Package server is the only room that knows every room: it builds them,
// introduces them to each other, serves and drains.
//
// It knows no flag, no environment variable and no terminal: its Config is
// complete before Run.
package server

import (
	"log/slog"
	"os"

	"github.com/tendril-run/tendril/gateway/dispatch"
)

// Config is what a server is made of.
type Config struct {
	// Data is the data directory. It is made where it does not exist; one server
	// at a time can have it.
	Data string
	// Listen is HOST:PORT; port 0 takes a free one.
	Listen string
	Edge
	// Exe is the binary that is run again as worker and compile child; "" is the
	// running one.
	Exe string
	// Workers is the number of worker processes beside the spare; 0 is the default
	// of the pool.
	Workers int
	// Limits are the defaults where they are zero.
	Limits  Limits
	Version string
	Log     *slog.Logger
	// Ready, where set, is called once with the server's URL when it accepts devices
	// and a worker can run an event.
	Ready func(url string)

	// What tests put between the rooms; nil is nothing.
	wrapStore  func(dispatch.Store) dispatch.Store
	wrapRunner func(dispatch.Runner) dispatch.Runner
}

func (c *Config) complete() (err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Exe == "" {
		if c.Exe, err = os.Executable(); err != nil {
			return err
		}
	}
	if err := c.Limits.complete(); err != nil {
		return err
	}
	return c.Edge.complete()
}

// wrapped is a room behind what a test puts before it.
func wrapped[T any](room T, wrap func(T) T) T {
	if wrap == nil {
		return room
	}
	return wrap(room)
}
