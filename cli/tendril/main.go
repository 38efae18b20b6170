// Command tendril is the server, the development loop and the command line.
package main

import (
	"os"

	"github.com/tendril-run/tendril/cli"
	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions/bundle"
)

func main() {
	// The children of a server start often: they are told apart before the command
	// line is built.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "worker":
			os.Exit(worker.Main(os.Stdin, os.Stdout))
		case "compile":
			os.Exit(bundle.Main(os.Stdin, os.Stdout))
		}
	}
	os.Exit(cli.Main())
}
