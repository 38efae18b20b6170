// Package logs holds the rows that scripts and their failures leave behind, and
// how they are asked for.
//
// It knows no database and no terminal. The server's own operator log is
// another thing: that is slog.
package logs

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/runtime"
)

// ErrCursor is returned for a text that is no cursor of this store.
var ErrCursor = errors.New("invalid cursor")

// Row is one row of a device's log, in the shape that REST and the command line
// print. Time is epoch milliseconds.
type Row struct {
	ID      int64                `json:"id"`
	Time    int64                `json:"time"`
	Level   runtime.Level        `json:"level"`
	Message string               `json:"message"`
	Fields  json.RawMessage      `json:"fields"`
	Device  string               `json:"device"`
	Script  string               `json:"script"`
	Version int                  `json:"version"`
	Event   Event                `json:"event"`
	Error   *runtime.ScriptError `json:"error,omitempty"`
}

// Event names the event a row belongs to.
type Event struct {
	ID   string            `json:"id"`
	Kind runtime.EventKind `json:"kind"`
}

// Record is what an event leaves in the log: its lines and, for a failed event
// or one that commits anyway, its outcome row.
type Record struct {
	Device  device.Key
	Script  string
	Version int
	EventID string
	Kind    runtime.EventKind
	At      int64
	Lines   []runtime.Line
	// Outcome says that an outcome row is written; with Error it is the error row
	// that listings show after the lines.
	Outcome bool
	Error   *runtime.ScriptError
}

// MaxLimit is the most rows of one page.
const MaxLimit = 1000

// Query asks for rows of one device, oldest first. With neither Cursor nor
// Since it is the newest page. Limit is 1 to MaxLimit.
type Query struct {
	Device device.Key
	Cursor string        // rows behind this one
	Since  int64         // epoch milliseconds, 0 is unset
	Level  runtime.Level // minimum, "" is all
	Limit  int
}

// Page is an answer. Cursor points behind its last row and is never "".
type Page struct {
	Rows   []Row
	Cursor string
}

// Store keeps rows.
type Store interface {
	// Logs answers a query. Errors: ErrCursor.
	Logs(ctx context.Context, q Query) (Page, error)
	// Changed returns a channel that is closed when rows were added after the call.
	Changed() <-chan struct{}
}
