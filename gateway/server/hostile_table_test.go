package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostileInputsHaveTheirTests checks that every line of the tables of
// hostile inputs names tests that exist, or says what is missing: "missing: " and
// words, or "missing " and the room that brings the tests when it comes.
func TestHostileInputsHaveTheirTests(t *testing.T) {
	t.Parallel()
	tables, err := filepath.Glob("testdata/hostile/*.tsv")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	sources := map[string]string{} // of a room's tests
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			input, tests, ok := strings.Cut(line, "\t")
			if !ok || !strings.Contains(input, "→") {
				t.Errorf("%s:%d: no input with its answer: %q", table, n+1, line)
				continue
			}
			for word := range strings.SplitSeq(tests, "; ") {
				if room, ok := strings.CutPrefix(word, "missing "); ok {
					if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(room))); err == nil {
						t.Errorf("%s:%d: %s exists: write its tests and name them", table, n+1, room)
					}
					continue
				}
				if strings.HasPrefix(word, "missing: ") {
					continue
				}
				room, test, ok := strings.Cut(word, " Test")
				if !ok {
					t.Errorf("%s:%d: neither a test nor what is missing: %q", table, n+1, word)
					continue
				}
				if sources[room] == "" {
					sources[room] = readTests(t, room)
				}
				test, part, _ := strings.Cut(test, "/")
				if !strings.Contains(sources[room], "func Test"+test+"(") {
					t.Errorf("%s:%d: %s has no Test%s", table, n+1, room, test)
				}
				if part != "" && !strings.Contains(sources[room], `"`+part+`"`) && !hasTranscript(room, part) {
					t.Errorf("%s:%d: Test%s has no part %q", table, n+1, test, part)
				}
			}
		}
	}
}

// readTests is the text of all tests of a room.
func readTests(t *testing.T, room string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(room), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s: %v", room, err)
	}
	var all strings.Builder
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// hasTranscript says whether a part of a test is a file that the test plays.
func hasTranscript(room, part string) bool {
	_, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(room), "testdata", part+".txtar"))
	return err == nil
}
