package sdkts_test

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	sdkts "github.com/tendril-run/tendril/sdk-ts"
)

func TestProjectResolvesTendrilToACarriedFile(t *testing.T) {
	t.Parallel()
	var config struct {
		CompilerOptions struct{ Paths map[string][]string }
	}
	if err := json.Unmarshal(sdkts.TSConfig(), &config); err != nil {
		t.Fatal(err)
	}
	targets := config.CompilerOptions.Paths["tendril"]
	if len(targets) != 1 || path.Dir(targets[0]) != ".tendril/types" {
		t.Fatalf("tendril resolves to %q, want one file in .tendril/types", targets)
	}
	if _, ok := sdkts.Files()[path.Base(targets[0])]; !ok {
		t.Errorf("%s is not carried", targets[0])
	}
}

func TestCarriedDeclarationsImportOnlyEachOther(t *testing.T) {
	t.Parallel()
	files := sdkts.Files()
	for name, data := range files {
		for line := range strings.Lines(string(data)) {
			_, from, ok := strings.Cut(strings.TrimSpace(line), `from "./`)
			if !ok || strings.HasPrefix(strings.TrimSpace(line), "*") {
				continue
			}
			want := strings.TrimSuffix(from, `.js";`) + ".d.ts"
			if _, ok := files[want]; !ok {
				t.Errorf("%s imports %s, which is not carried", name, want)
			}
		}
	}
}
