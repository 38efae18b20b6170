package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnInspectionCountsAndFindsNothingOnAGoodDirectory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	furnished(t, dir)
	at := time.UnixMilli(1_700_000_000_000)
	for _, running := range []bool{false, true} {
		pid := 0
		if running {
			open(t, dir, Options{})
			pid = os.Getpid()
		}
		i, err := Inspect(ctx, dir, time.Now())
		if err != nil || integrity(i) {
			t.Fatalf("findings %v, error %v", i.Findings, err)
		}
		if i.PID != pid || i.Schema != schema || i.SQLite == "" || i.Epoch != 1 || i.Devices != 1 || i.Commands != 1 || i.Versions != 1 ||
			i.LogFiles != 1 || i.Main == 0 || i.Logs == 0 || i.Free <= 0 || i.Total < i.Free {
			t.Errorf("inspection %+v", i)
		}
	}
	i, err := Inspect(ctx, dir, at.Add(-time.Hour))
	if err != nil || !found(i, "clock", "behind") {
		t.Errorf("a clock that was set back: %v, %v", i.Findings, err)
	}
	if _, err := Inspect(ctx, t.TempDir(), at); err == nil || !strings.Contains(err.Error(), "no database") {
		t.Errorf("an empty folder: %v", err)
	}
}

func found(i Inspection, code, text string) bool {
	for _, f := range i.Findings {
		if f.Code == code && strings.Contains(f.Message, text) {
			return true
		}
	}
	return false
}

func TestAnInspectionFindsDamageInEveryFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	furnished(t, dir)
	for name, damage := range map[string]func(t *testing.T, dir string){
		"log_file":  func(t *testing.T, dir string) { flipByte(t, filepath.Join(dir, "logs", "1.db"), 3) },
		"integrity": func(t *testing.T, dir string) { damageIndex(t, filepath.Join(dir, "logs", "1.db")) },
		"schema": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, restoring), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		damaged := copyDir(t, dir)
		damage(t, damaged)
		i, err := Inspect(ctx, damaged, time.Now())
		if err != nil || !found(i, name, "") {
			t.Errorf("%s: found %v, error %v", name, i.Findings, err)
		}
	}
}
