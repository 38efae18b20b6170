package cli

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestExamplesPlayTheirTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "examples", "*", projectFile))
	if err != nil || len(files) < 2 {
		t.Fatalf("examples are %q, %v", files, err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if p, err := findProject(dir); err != nil {
				t.Fatal(err)
			} else if acts, err := readTranscript(p); err != nil || len(acts) == 0 {
				t.Fatalf("transcript of %d lines, %v", len(acts), err)
			}
			if out, err := exec.Command("tendril", "dev", "--once", dir).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
