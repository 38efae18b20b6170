package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/versions"
)

func upload(script, code string) versions.Upload {
	no := false
	return versions.Upload{
		Script: versions.Script{Name: script, Main: "src/" + script + ".ts", Export: "Main"},
		Digest: "digest of " + code,
		Files:  []versions.File{{Path: "package.json", Data: []byte("{}")}, {Path: "src/" + script + ".ts", Data: []byte(strings.Repeat(code, 50))}, {Path: "src/z.ts"}},
		Bundle: versions.Bundle{Code: []byte("bundle " + code), SourceMap: []byte(`{"version":3}`), Inputs: []string{"package.json", "src/" + script + ".ts", "src/z.ts"}, Compiler: "esbuild 1"},
		Report: versions.Report{Handlers: []string{"onMessage"}, Crons: []versions.Cron{{Name: "tick", Spec: []byte(`"* * * * *"`)}},
			Options: versions.Options{Isolation: "event", ConnectOnDeploy: &no}},
		Message: "upload " + code, Author: "ada",
	}
}

func insert(t testing.TB, d *DB, project string, uploads ...versions.Upload) []versions.Version {
	t.Helper()
	made, _, err := d.Insert(context.Background(), project, uploads)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func flip(kind versions.Kind, project, script string, to int) versions.Request {
	return versions.Request{Project: project, Kind: kind, Author: "bob", Message: fmt.Sprintf("%s v%d", kind, to),
		Flips: []versions.Flip{{Script: script, To: to}}}
}

func deploy(t testing.TB, d *DB, r versions.Request) []versions.Deployment {
	t.Helper()
	rows, _, err := d.Deploy(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestVersionsAreNumberedPerScriptAndKeptByDigest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &clock{at: time.UnixMilli(5000)}
	d := open(t, t.TempDir(), Options{Now: c.now})
	p := project(t, d)
	insert(t, d, p.ID, upload("a", "1"), upload("b", "1"))
	made, created, err := d.Insert(ctx, p.ID, []versions.Upload{upload("a", "1"), upload("a", "2"), upload("a", "2")})
	if err != nil {
		t.Fatal(err)
	}
	if numbers := []int{made[0].Number, made[1].Number, made[2].Number}; !slices.Equal(numbers, []int{1, 2, 2}) ||
		!slices.Equal(created, []bool{false, true, false}) {
		t.Fatalf("numbers %v, created %v", numbers, created)
	}
	u := upload("a", "2")
	want := versions.Version{Number: 2, UUID: made[1].UUID, Project: p.ID, Script: u.Script, Digest: u.Digest, Compiler: "esbuild 1",
		Size: len(u.Bundle.Code), Report: u.Report, CreatedAt: 5000, Message: "upload 2", Author: "ada"}
	got, err := d.Version(ctx, p.ID, "a", 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(want, made[1]); diff != "" {
		t.Fatal(diff)
	}
	if len(got.UUID) != 36 || got.UUID[14] != '7' {
		t.Fatalf("UUID %s is not of version 7", got.UUID)
	}
	files, err := d.Sources(ctx, p.ID, "a", 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 || files[1].Path != "src/a.ts" || !bytes.Equal(files[1].Data, u.Files[1].Data) || len(files[2].Data) != 0 {
		t.Fatalf("sources %+v", files)
	}
	_, bundle, err := d.Bundle(ctx, got.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u.Bundle, bundle); diff != "" {
		t.Fatal(diff)
	}
}

func TestDeployFlipsAndAppendsHistory(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	insert(t, d, p.ID, upload("a", "1"), upload("a", "2"), upload("a", "3"))
	if _, _, _, err := d.Live(ctx, p.ID, "a"); !errors.Is(err, versions.ErrNotFound) {
		t.Fatalf("live before the first deployment: %v", err)
	}
	deploy(t, d, flip(versions.Deploy, p.ID, "a", 1))
	deploy(t, d, flip(versions.Deploy, p.ID, "a", 2))
	if rows := deploy(t, d, flip(versions.Deploy, p.ID, "a", 2)); len(rows) != 0 {
		t.Fatalf("a flip to what is live appended %+v", rows)
	}
	rows := deploy(t, d, flip(versions.Rollback, p.ID, "a", 1))
	if len(rows) != 1 || rows[0].From != 2 || rows[0].To != 1 || rows[0].ID == "" || rows[0].Kind != versions.Rollback {
		t.Fatalf("rollback row %+v", rows)
	}
	v, b, kind, err := d.Live(ctx, p.ID, "a")
	if err != nil || v.Number != 1 || !v.Active || string(b.Code) != "bundle 1" || kind != versions.Rollback {
		t.Fatalf("live v%d %q by %s, error %v", v.Number, b.Code, kind, err)
	}
	if live, err := d.Pointer(ctx, p.ID, "a"); err != nil || live.Stable != 1 {
		t.Fatalf("pointer %+v, error %v", live, err)
	}
	history, err := d.Deployments(ctx, p.ID, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(history) != 2 || history[0].To != 1 || history[1].To != 2 || history[1].From != 1 {
		t.Fatalf("history %+v", history)
	}
	if history, err = d.Deployments(ctx, p.ID, 2, 2); err != nil || len(history) != 1 || history[0].From != 0 {
		t.Fatalf("second page %+v, error %v", history, err)
	}
	list, err := d.Versions(ctx, p.ID, "a", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, v := range list {
		text = append(text, fmt.Sprintf("%d %t %s %s", v.Number, v.Active, v.Message, v.Author))
	}
	want := []string{"3 false upload 3 ada", "2 false deploy v2 bob", "1 true rollback v1 bob"}
	if !slices.Equal(text, want) {
		t.Fatalf("versions %q, want %q", text, want)
	}
}

func TestADeployFlipsAllOrNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	insert(t, d, p.ID, upload("a", "1"), upload("a", "2"), upload("b", "1"))
	deploy(t, d, flip(versions.Deploy, p.ID, "a", 1))
	none, one, two := 0, 1, 2
	for name, test := range map[string]struct {
		kind  versions.Kind
		flips []versions.Flip
		want  error
	}{
		"unknown script":         {versions.Deploy, []versions.Flip{{Script: "a", To: 2}, {Script: "c", To: 1}}, versions.ErrNotFound},
		"unknown version":        {versions.Deploy, []versions.Flip{{Script: "a", To: 2}, {Script: "b", To: 2}}, versions.ErrNotFound},
		"stale":                  {versions.Deploy, []versions.Flip{{Script: "b", To: 1}, {Script: "a", To: 2, Expect: &two}}, versions.ErrConflict},
		"expected none":          {versions.Deploy, []versions.Flip{{Script: "b", To: 1}, {Script: "a", To: 2, Expect: &none}}, versions.ErrConflict},
		"expected some":          {versions.Deploy, []versions.Flip{{Script: "a", To: 2}, {Script: "b", To: 1, Expect: &one}}, versions.ErrConflict},
		"stale and there":        {versions.Deploy, []versions.Flip{{Script: "b", To: 1}, {Script: "a", To: 1, Expect: &two}}, versions.ErrConflict},
		"rollback to never live": {versions.Rollback, []versions.Flip{{Script: "a", To: 2}}, versions.ErrNeverActive},
	} {
		request := versions.Request{Project: p.ID, Kind: test.kind, Flips: test.flips, Devices: []versions.Placement{{Device: "d", Script: "a"}}}
		if _, _, err := d.Deploy(ctx, request); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	history, err := d.Deployments(ctx, p.ID, 0, 10)
	if err != nil || len(history) != 1 {
		t.Fatalf("history %+v, error %v", history, err)
	}
	if list, err := d.Devices(ctx, p.ID, 0, 10); err != nil || len(list) != 0 {
		t.Fatalf("devices %+v, error %v", list, err)
	}
	request := versions.Request{Project: p.ID, Kind: versions.Deploy, Flips: []versions.Flip{{Script: "a", To: 2, Expect: &one}, {Script: "b", To: 1, Expect: &none}}}
	if rows := deploy(t, d, request); len(rows) != 2 {
		t.Fatalf("rows %+v", rows)
	}
}

func TestADeployPlacesDevices(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	old := addDevice(t, d, p.ID, "old")
	_, placed, err := d.Deploy(ctx, versions.Request{Project: p.ID, Kind: versions.Deploy,
		Devices: []versions.Placement{{Device: "new", Script: "a"}, {Device: "old", Script: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]versions.Placement{{Device: "new", Script: "a", Created: true}, {Device: "old", Script: "a"}}, placed); diff != "" {
		t.Fatal(diff)
	}
	for _, key := range []device.Key{old, {Project: p.ID, ID: "new"}} {
		if script, err := d.Script(ctx, key); err != nil || script != "a" {
			t.Errorf("%s runs %q, error %v", key, script, err)
		}
	}
}

func TestHistoryIsInsertOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	insert(t, d, p.ID, upload("a", "1"))
	deploy(t, d, flip(versions.Deploy, p.ID, "a", 1))
	for _, statement := range []string{
		`UPDATE versions SET message = 'x'`, `DELETE FROM versions`, `UPDATE version_files SET path = 'x'`, `DELETE FROM version_files`,
		`UPDATE deployments SET message = 'x'`, `DELETE FROM deployments`, `UPDATE blobs SET data = x'00'`,
		`REPLACE INTO deployments (id, project, script, kind, from_number, to_number, message, author, created_at)
			SELECT id, project, script, kind, from_number, to_number, 'x', author, created_at FROM deployments`,
	} {
		err := d.writer.guard(ctx, func(c *conn) error {
			_, err := c.exec(statement)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "never") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestABundleThatChangedOnTheDiskIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	made := insert(t, d, p.ID, upload("a", "1"))
	err := d.writer.guard(ctx, func(c *conn) error {
		return c.script(`DROP TRIGGER blobs_update; UPDATE blobs SET data = 'bundle 2' WHERE data = CAST('bundle 1' AS BLOB);`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, b, err := d.Bundle(ctx, made[0].UUID); err == nil || !strings.Contains(err.Error(), "not what was stored") {
		t.Fatalf("bundle %q, error %v", b.Code, err)
	}
}

func TestUnknownVersionsAreNotFound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	insert(t, d, p.ID, upload("a", "1"))
	calls := map[string]func() error{
		"versions": func() error { _, err := d.Versions(ctx, p.ID, "b", 0, 1); return err },
		"version":  func() error { _, err := d.Version(ctx, p.ID, "a", 2); return err },
		"sources":  func() error { _, err := d.Sources(ctx, p.ID, "a", 2); return err },
		"bundle":   func() error { _, _, err := d.Bundle(ctx, "nonsense"); return err },
		"pointer":  func() error { _, err := d.Pointer(ctx, p.ID, "a"); return err },
		"project":  func() error { _, err := d.Versions(ctx, "nonsense", "a", 0, 1); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, versions.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := d.Insert(ctx, "nonsense", []versions.Upload{upload("a", "1")}); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("insert into an unknown project: %v", err)
	}
}
