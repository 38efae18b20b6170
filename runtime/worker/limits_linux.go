package worker

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// threadStacks is what the C library maps for the stacks of threads to come: 16
// of them at the usual 8 MiB. Without cgo a thread has none of that.
const threadStacks = 16 * 8 << 20

// limitData lets the process map this many bytes of private memory beyond what
// it has now. What cannot be had ends the process: the runtime's allocator has
// no other answer.
func limitData(over uint64) {
	base := dataBytes()
	if base == 0 || over == 0 || raceEnabled {
		return
	}
	most := base + over
	if cgoEnabled {
		most += threadStacks
	}
	// A limit that the system refuses leaves the heap watch and the gateway.
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most})
}

// limitRest forbids core dumps: they would hold what scripts know.
func limitRest() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

// dataBytes is the size of the process's private writable memory.
func dataBytes() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmData:"))
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	kib, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
