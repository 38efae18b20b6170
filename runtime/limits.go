package runtime

import "time"

// Limits bound one event of a script. The zero value is not usable; start from
// DefaultLimits.
type Limits struct {
	CPU        time.Duration // of all turns of an event together
	Wall       time.Duration // from the first turn, waits included
	LogLines   int
	LogBytes   int
	KVWrites   int
	Sends      int
	Operations int // outstanding at once: timers and requests
	KVKey      int // bytes
	KVValue    int // bytes
	Command    int // bytes of one command as JSON
	Depth      int // of JSON
	Nodes      int // of JSON
}

// DefaultLimits are the limits of a server that configures none.
func DefaultLimits() Limits {
	return Limits{
		CPU:        50 * time.Millisecond,
		Wall:       30 * time.Second,
		LogLines:   100,
		LogBytes:   64 << 10,
		KVWrites:   100,
		Sends:      100,
		Operations: 100,
		KVKey:      512,
		KVValue:    64 << 10,
		Command:    64 << 10,
		Depth:      32,
		Nodes:      10_000,
	}
}
