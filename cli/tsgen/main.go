// Command tsgen writes sdk-ts/src/protocol.gen.ts: what scripts and devices say,
// in TypeScript, from the Go nouns that the gateway itself speaks with.
//
// It takes shapes by reflection and words from the doc comments. It knows no
// compiler and no command line; run it from the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// output is the generated file, relative to the root of the repository.
var output = filepath.Join("sdk-ts", "src", "protocol.gen.ts")

func main() {
	text, err := generate(".")
	if err == nil {
		err = os.WriteFile(output, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
