package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated file instead of comparing it")

// root is the root of the repository, seen from this package.
var root = filepath.Join("..", "..")

func TestGeneratedFileMatchesTheGoNouns(t *testing.T) {
	t.Parallel()
	want, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, output)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale (-have +want); run go test ./cli/tsgen -update\n%s", output, cmp.Diff(string(got), string(want)))
	}
}

func TestWhatCannotBeSaidIsRefused(t *testing.T) {
	t.Parallel()
	type Bare struct{}
	type Odd struct {
		C chan int `json:"c"`
	}
	documented := &source{name: "tsgen", types: map[string]string{"Odd": "Odd is odd."}}
	for name, fields := range map[string]any{"no comment": Bare{}, "a channel": Odd{}} {
		w := &writer{sources: []*source{documented}}
		w.object(reflect.TypeOf(fields), "", "")
		if w.err == nil {
			t.Errorf("%s: written as\n%s", name, w.String())
		}
	}
}

func TestLimitNamesAreLowerCamelCase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"CPU": "cpu", "KVKey": "kvKey", "LogLines": "logLines", "Wall": "wall"} {
		if got := lowerCamel(in); got != want {
			t.Errorf("lowerCamel(%q) = %q, want %q", in, got, want)
		}
	}
}
