package cli

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommands runs what the README shows, as a reader would: its first
// command in the checkout, the others in a project made of its own listings.
// Ports are free ones; make test is this test's own caller.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shell := fenced(string(readme), "sh")
	if len(shell) != 3 {
		t.Fatalf("the README shows %d shell blocks: %q", len(shell), shell)
	}
	t.Run("main job", func(t *testing.T) {
		t.Parallel()
		run := exec.Command("sh", "-c", strings.TrimSpace(shell[0])+" --once")
		run.Dir = ".."
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("tests", func(t *testing.T) {
		t.Parallel()
		makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
		if err != nil || strings.TrimSpace(shell[1]) != "make test" || !bytes.Contains(makefile, []byte("\ntest:")) {
			t.Errorf("%q is no target of the Makefile, %v", shell[1], err)
		}
	})
	t.Run("verbs", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "tendril.jsonc"), fenced(string(readme), "jsonc")[0])
		source := filepath.Join(dir, "src", "thermostat.ts")
		script := fenced(string(readme), "ts")[0]
		write(t, source, script)
		background(t, dir, strings.Replace(strings.TrimSpace(shell[2]), ":7777", ":0", 1), "listening on ")
		must(t, dir, "tendril deploy")
		write(t, source, strings.Replace(script, "30", "25", 1)) // a second version, to go back from
		// A reading leaves the rows that the listings show.
		must(t, dir, `tendril send thermostat-1 '{"type":"hello"}'`)
		commands := regexp.MustCompile("(?m)^\\| .* \\| `(tendril [^`]+)` \\|$").FindAllStringSubmatch(string(readme), -1)
		if len(commands) < 10 {
			t.Fatalf("the README's table has %d commands", len(commands))
		}
		for _, c := range commands {
			if strings.HasSuffix(c[1], " -f") { // it never ends by itself
				must(t, dir, "timeout --preserve-status -s INT 1 "+c[1])
				continue
			}
			must(t, dir, c[1])
		}
	})
}

// fenced returns the code blocks of a language.
func fenced(text, language string) (blocks []string) {
	for _, part := range strings.Split(text, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block+"\n")
	}
	return blocks
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// must runs a command line that has to end well.
func must(t *testing.T, dir, line string) {
	t.Helper()
	run := exec.Command("sh", "-c", line)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// background starts a command line, waits for its first line of output and ends
// it with the test.
func background(t *testing.T, dir, line, first string) {
	t.Helper()
	run := exec.Command("sh", "-c", "exec "+line)
	run.Dir = dir
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	if got, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(got, first) {
		t.Fatalf("%s: said %q, %v", line, got, err)
	}
}
