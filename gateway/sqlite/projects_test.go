package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
)

func TestProjectsAreUniqueWithinTheirOwner(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	p := project(t, d)
	if _, err := d.CreateProject(ctx, "default", p.Slug); !errors.Is(err, auth.ErrExists) {
		t.Fatalf("the same slug twice: %v", err)
	}
	if _, err := d.CreateProject(ctx, "default", "attic"); err != nil {
		t.Fatal(err)
	}
	slugs := func(only string, offset, limit int) (out []string) {
		list, err := d.Projects(ctx, "default", only, offset, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			out = append(out, p.Slug)
		}
		return out
	}
	if got := [][]string{slugs("", 0, 9), slugs("", 1, 9), slugs("", 0, 1), slugs(p.ID, 0, 9)}; fmt.Sprint(got) != "[[attic plant] [plant] [attic] [plant]]" {
		t.Fatalf("projects %v", got)
	}
	if got, err := d.Project(ctx, "default", "plant"); err != nil || got != p {
		t.Fatalf("project %+v, error %v", got, err)
	}
	if got, err := d.ProjectByID(ctx, p.ID); err != nil || got != p {
		t.Fatalf("project %+v, error %v", got, err)
	}
	if _, err := d.Project(ctx, "stranger", "plant"); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("a stranger's project: %v", err)
	}
	if len(p.ID) > 26 || slices.ContainsFunc([]byte(p.ID), func(c byte) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		t.Fatalf("id %q", p.ID)
	}
	if owner, err := d.Owner(ctx, "default"); err != nil || owner.ID != "default" {
		t.Fatalf("owner %+v, error %v", owner, err)
	}
}
