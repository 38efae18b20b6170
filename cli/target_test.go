package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// leave writes what a server leaves in its data directory.
func leave(t *testing.T, data, url string, pid int, token string) {
	t.Helper()
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"server.json": fmt.Sprintf(`{"url":%q,"pid":%d}`, url, pid),
		"admin-token": token + "\n",
	} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocalServerOfTheLoopComesFirst(t *testing.T) {
	t.Setenv("TENDRIL_TOKEN", "")
	root := t.TempDir()
	leave(t, filepath.Join(root, "tendril-data"), "http://127.0.0.1:2", os.Getpid(), "two")
	leave(t, filepath.Join(root, ".tendril"), "http://127.0.0.1:1", os.Getpid(), "one")
	found, err := settings{dir: t.TempDir()}.target(root)
	if err != nil || found.URL != "http://127.0.0.1:1" || found.Token != "one" {
		t.Errorf("%+v, %v", found.Client, err)
	}
}

func TestLivingServerComesBeforeADeadOne(t *testing.T) {
	t.Setenv("TENDRIL_TOKEN", "")
	root := t.TempDir()
	leave(t, filepath.Join(root, ".tendril"), "http://127.0.0.1:1", 1<<30, "one")
	leave(t, filepath.Join(root, "tendril-data"), "http://127.0.0.1:2", os.Getpid(), "two")
	found, err := settings{dir: root}.target("")
	if err != nil || found.URL != "http://127.0.0.1:2" || found.Token != "two" {
		t.Errorf("%+v, %v", found.Client, err)
	}
}

func TestAdminTokenIsNotSentToAnotherServer(t *testing.T) {
	t.Setenv("TENDRIL_TOKEN", "")
	root := t.TempDir()
	leave(t, filepath.Join(root, ".tendril"), "http://127.0.0.1:1", os.Getpid(), "secret")
	found, err := settings{dir: root, url: "https://elsewhere.example"}.target(root)
	if p, ok := err.(problem); !ok || p.Code != "no_credential" || found.Token != "" {
		t.Errorf("token %q, %v", found.Token, err)
	}
	found, err = settings{dir: root, url: "http://127.0.0.1:1/"}.target(root)
	if err != nil || found.Token != "secret" {
		t.Errorf("its own server: token %q, %v", found.Token, err)
	}
}

func TestTokenFileComesBeforeTheEnvironment(t *testing.T) {
	t.Setenv("TENDRIL_TOKEN", "environment")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(" file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for tokenFile, want := range map[string]string{file: "file", "": "environment"} {
		found, err := settings{url: "http://127.0.0.1:1", tokenFile: tokenFile}.target("")
		if err != nil || found.Token != want {
			t.Errorf("token %q, want %q (%v)", found.Token, want, err)
		}
	}
}

func TestServerMustBeAnAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"127.0.0.1:7777", "ftp://x", "http://", "://"} {
		if _, err := (settings{url: url}).target(""); exitCode(err) != 2 {
			t.Errorf("%s: %v", url, err)
		}
	}
}
