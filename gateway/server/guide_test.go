package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/server"
)

// guide is the document for who runs a server.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is the first code block of a language in the guide.
func block(t *testing.T, language string) string {
	t.Helper()
	_, after, found := strings.Cut(guide(t), "```"+language+"\n")
	text, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatalf("the guide has no %s block", language)
	}
	return text
}

func TestTheGuideNamesEveryLimitAndNoOther(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(guide(t), "| limits | names |")
	table, _, _ = strings.Cut(table, "\n\n")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(table, -1) {
		named[m[1]] = true
	}
	limits := server.DefaultLimits()
	for _, l := range limits.Named() {
		if !named[l.Name] {
			t.Errorf("the guide does not name %s", l.Name)
		}
		delete(named, l.Name)
	}
	for name := range named {
		t.Errorf("the guide names %s, which is no limit", name)
	}
}

func TestTheUnitOfTheGuideIsAUnit(t *testing.T) {
	t.Parallel()
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := strings.Replace(block(t, "ini"), "/usr/local/bin/tendril", exe, 1)
	path := filepath.Join(t.TempDir(), "tendril.service")
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(verify, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTheImageOfTheGuideHoldsTheBinaryAlone checks what of a Dockerfile can be
// checked without Docker: nothing but the static binary and a folder for data,
// and a command that the binary knows.
func TestTheImageOfTheGuideHoldsTheBinaryAlone(t *testing.T) {
	t.Parallel()
	_, final, found := strings.Cut(block(t, "dockerfile"), "FROM scratch\n")
	if !found {
		t.Fatal("the image is not from scratch")
	}
	for _, line := range []string{"ENTRYPOINT [\"/tendril\"]", "CMD [\"serve\", \"--data\", \"/data\"", "STOPSIGNAL SIGTERM", "USER "} {
		if !strings.Contains(final, line) {
			t.Errorf("the image lacks %s", line)
		}
	}
	if strings.Contains(final, "RUN ") || strings.Count(final, "COPY ") != 2 {
		t.Errorf("the image holds more:\n%s", final)
	}
}
