package bundle

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
)

// maxMemory is what a compile may use beyond what the process has at its start, in
// bytes. The collector works harder from half of it on.
const maxMemory = 768 << 20

// limit bounds the memory of this process, forbids it core files and puts it
// behind those that serve.
func limit() error {
	debug.SetMemoryLimit(maxMemory / 2)
	base, err := dataSize()
	if err != nil {
		return err
	}
	for what, size := range map[int]uint64{syscall.RLIMIT_DATA: base + maxMemory, syscall.RLIMIT_CORE: 0} {
		if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: size, Max: size}); err != nil {
			return fmt.Errorf("limit memory: %w", err)
		}
	}
	return nil
}

// dataSize is what RLIMIT_DATA counts, in bytes.
func dataSize() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmData:"))
	fields := bytes.Fields(rest[:min(len(rest), 40)])
	if len(fields) == 0 {
		return 0, fmt.Errorf("read memory in use: no VmData")
	}
	kib, err := strconv.ParseUint(string(fields[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	return kib << 10, nil
}

// leaveDisk makes the working directory one that no longer exists, so that no
// relative path leads to a file: esbuild matches the pattern of an import() against
// the disk before it can be refused.
func leaveDisk() {
	dir, err := os.MkdirTemp("", "tendril-compile-")
	if err != nil {
		return
	}
	defer os.Remove(dir)
	_ = os.Chdir(dir)
}
