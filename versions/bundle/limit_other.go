//go:build !linux

package bundle

import "runtime/debug"

// maxMemory is what a compile may use, in bytes. This system has no limit that
// holds: the collector works harder from here on, and the time limit ends the rest.
const maxMemory = 768 << 20

func limit() error {
	debug.SetMemoryLimit(maxMemory)
	return nil
}

// leaveDisk does nothing here: a working directory cannot be left everywhere.
func leaveDisk() {}
