package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAFullDiskIsTheDevicesRetryAndHealsByItself fills a small file system under
// a running server.
func TestAFullDiskIsTheDevicesRetryAndHealsByItself(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small disk; TestAQuotaThatIsReachedIsAFullDisk runs")
	}
	data := t.TempDir()
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	n := &node{t: t, data: data}
	n.boot()
	if _, err := n.CreateProject(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(data, "filler")
	fillsUp(t, n, func() {
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for block := make([]byte, 4096); ; {
			if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}, func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	})
}
