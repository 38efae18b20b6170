package runtime

import "fmt"

// ScriptError is what a script's handler ended with: what was thrown, or the
// limit that ended it. Positions are in the author's own TypeScript; File is
// relative to the project, with slashes. Line and Column count from 1, 0 is
// unknown.
type ScriptError struct {
	Name    string       `json:"name"`
	Message string       `json:"message"`
	File    string       `json:"file,omitempty"`
	Line    int          `json:"line,omitempty"`
	Column  int          `json:"column,omitempty"`
	Stack   string       `json:"stack,omitempty"`
	Cause   *ScriptError `json:"cause,omitempty"`
	// Limit names the limit that was reached ("cpu", "wall", "memory", …), "" for an
	// ordinary throw.
	Limit string `json:"limit,omitempty"`
	// CPUMillis is the CPU time the event had used when a limit ended it.
	CPUMillis float64 `json:"cpu_ms,omitempty"`
}

func (e *ScriptError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%s: %s", e.Name, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", e.File, e.Line, e.Column, e.Name, e.Message)
}

// Names of the errors that the runtime itself raises.
const (
	HandlerStalledError = "HandlerStalledError" // neither settled nor waiting for anything
	TimeoutError        = "TimeoutError"        // CPU or wall limit of the event
	InterruptedError    = "InterruptedError"    // the worker or the server went away in mid-event
	DeviceOfflineError  = "DeviceOfflineError"  // a request needs a connected device
	RequestTimeoutError = "RequestTimeoutError"
	BackpressureError   = "BackpressureError"
	QueueFullError      = "QueueFullError" // outbox
	QuotaError          = "QuotaError"     // KV keys or bytes, writes, sends, operations
)
