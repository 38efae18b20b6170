package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions/bundle"
)

// TestMain lets the test binary act as tendril: for the transcripts, and as the
// children of a server.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tendril": func() {
		if len(os.Args) > 1 {
			switch os.Args[1] {
			case "worker":
				os.Exit(worker.Main(os.Stdin, os.Stdout))
			case "compile":
				os.Exit(bundle.Main(os.Stdin, os.Stdout))
			}
		}
		os.Exit(Main())
	}})
}
