package cli

import (
	"fmt"
	"os"

	"github.com/tendril-run/tendril/runtime/pool"
)

// newCompiler compiles in a child process of this binary.
func newCompiler() (compiler, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the compiler: %w", err)
	}
	return &pool.Compiler{Exe: exe}, nil
}
