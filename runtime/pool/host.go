// Package pool is the parent side of the worker processes: it starts, feeds,
// watches, kills and replaces them, and runs the short-lived compile children.
//
// It knows no device, no store and no dialect, and treats what a worker says as
// hostile input.
package pool

import (
	"context"

	"github.com/tendril-run/tendril/runtime"
)

// Code is the program of a version.
type Code struct {
	Version   string // UUID
	Script    string
	Main      string // path of the entry file, for errors without a position
	Bundle    []byte
	SourceMap []byte
	Handlers  []string
}

// Host answers one running invocation. Its calls come one at a time from the
// goroutine that called Run.
type Host interface {
	// Read answers key-value reads from the owner's state.
	Read(runtime.Read) runtime.ReadResult
	// Segment commits a segment and lets it take effect. For a segment without an
	// outcome it begins the operations wanted, waits for the next result and returns
	// the resume; for the last segment it returns nil. An error abandons the
	// invocation. While it waits, ctx also ends when the worker is lost: then its
	// return is ignored and Restart follows, or the end of Run. A commit under way
	// must be finished all the same.
	Segment(ctx context.Context, s *runtime.Segment) (*runtime.Resume, error)
	// Restart says that the worker was lost before anything of the event took
	// effect and that the event begins again: operations begun are dropped. It
	// returns the invocation as it is to run now.
	Restart() *runtime.Invocation
}
