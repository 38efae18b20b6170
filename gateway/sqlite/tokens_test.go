package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

func TestDeviceTokensRotate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	key := addDevice(t, d, project(t, d).ID, "d")
	first := tokenHash(key.String())
	if _, err := d.IssueToken(ctx, key, tokenHash("second"), false); !errors.Is(err, auth.ErrExists) {
		t.Fatalf("a second token without rotation: %v", err)
	}
	valid := func(want ...bool) {
		t.Helper()
		for i, hash := range [][32]byte{first, tokenHash("second"), tokenHash("third")} {
			got, err := d.DeviceByToken(ctx, hash)
			if (err == nil) != want[i] || (err == nil && got != key) || (err != nil && !errors.Is(err, auth.ErrToken)) {
				t.Fatalf("token %d names %v, error %v", i+1, got, err)
			}
		}
	}
	valid(true, false, false)
	for _, step := range []struct {
		token string
		valid []bool
		ended [][32]byte
	}{{"second", []bool{true, true, false}, nil}, {"third", []bool{false, true, true}, [][32]byte{first}}} {
		ended, err := d.IssueToken(ctx, key, tokenHash(step.token), true)
		if err != nil || !slices.Equal(ended, step.ended) {
			t.Fatalf("%s token ended %d, error %v", step.token, len(ended), err)
		}
		valid(step.valid...)
	}
	if err := d.Remove(ctx, key); err != nil {
		t.Fatal(err)
	}
	valid(false, false, false)
	if _, err := d.IssueToken(ctx, key, tokenHash("fourth"), true); !errors.Is(err, dispatch.ErrNoDevice) {
		t.Fatalf("a token for no device: %v", err)
	}
}

func TestAPlacedDeviceGetsItsFirstTokenLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	key := device.Key{Project: project(t, d).ID, ID: "d"}
	err := d.writer.guard(ctx, func(c *conn) error {
		_, err := insertDevice(c, key, "a", 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.IssueToken(ctx, key, tokenHash("first"), false); err != nil {
		t.Fatal(err)
	}
	if got, err := d.DeviceByToken(ctx, tokenHash("first")); err != nil || got != key {
		t.Fatalf("token names %v, error %v", got, err)
	}
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &clock{at: time.UnixMilli(1000)}
	d := open(t, t.TempDir(), Options{Now: c.now})
	p := project(t, d)
	want := auth.Principal{Name: "ci", Owner: "default", Project: p.ID, Scopes: []auth.Scope{auth.Deploy, auth.Read}}
	want, err := d.AddToken(ctx, tokenHash("x"), want, 2000)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.PrincipalByToken(ctx, tokenHash("x"))
	if err != nil || got.TokenID == "" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("principal %+v, error %v", got, err)
	}
	if _, err := d.PrincipalByToken(ctx, tokenHash("y")); !errors.Is(err, auth.ErrToken) {
		t.Fatalf("unknown token: %v", err)
	}
	c.at = time.UnixMilli(2000)
	if _, err := d.PrincipalByToken(ctx, tokenHash("x")); !errors.Is(err, auth.ErrToken) {
		t.Fatalf("expired token: %v", err)
	}
	admins := auth.Principal{Name: "admin", Owner: "default", Scopes: []auth.Scope{auth.Admin}}
	admin, err := d.AddToken(ctx, tokenHash("z"), admins, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddToken(ctx, tokenHash("later"), admins, 9000); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveToken(ctx, "default", "", admin.TokenID); !errors.Is(err, auth.ErrLastAdmin) {
		t.Fatalf("the last admin for ever: %v", err)
	}
	if _, err := d.AddToken(ctx, tokenHash("spare"), admins, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveToken(ctx, "default", p.ID, admin.TokenID); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("an owner's token seen from a project: %v", err)
	}
	if err := d.RemoveToken(ctx, "other", "", admin.TokenID); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("a foreign token: %v", err)
	}
	if got, err := d.PrincipalByToken(ctx, tokenHash("z")); err != nil || got.Project != "" {
		t.Fatalf("principal %+v, error %v", got, err)
	}
	if err := d.RemoveToken(ctx, "default", "", admin.TokenID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.PrincipalByToken(ctx, tokenHash("z")); !errors.Is(err, auth.ErrToken) {
		t.Fatalf("revoked token: %v", err)
	}
	if err := d.RemoveToken(ctx, "default", "", admin.TokenID); !errors.Is(err, auth.ErrNotFound) {
		t.Fatalf("revoked twice: %v", err)
	}
}

func TestTokensAreCounted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	var counts []int64
	for _, name := range []string{"a", "b", ""} {
		n, err := d.Tokens(ctx, "default")
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
		if name != "" {
			if _, err := d.AddToken(ctx, tokenHash(name), auth.Principal{Owner: "default", Name: name}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(counts, []int64{0, 1, 2}) {
		t.Fatalf("counts %v", counts)
	}
}

func TestTokensAreListedWithoutTheirText(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := &clock{at: time.UnixMilli(1000)}
	d := open(t, t.TempDir(), Options{Now: c.now})
	p := project(t, d)
	for name, in := range map[string]string{"wide": "", "narrow": p.ID} {
		if _, err := d.AddToken(ctx, tokenHash(name), auth.Principal{Name: name, Owner: "default", Project: in, Scopes: []auth.Scope{auth.Read}}, 5000); err != nil {
			t.Fatal(err)
		}
		c.at = c.at.Add(time.Second)
	}
	for only, want := range map[string]int{"": 2, p.ID: 1, "other": 0} {
		list, err := d.APITokens(ctx, "default", only, 0, 10)
		if err != nil || len(list) != want {
			t.Fatalf("only %q: %d tokens, error %v", only, len(list), err)
		}
		for _, token := range list {
			if token.Name == "narrow" && token.Project != p.Slug || token.ExpiresAt != 5000 || token.CreatedAt == 0 || len(token.Scopes) != 1 {
				t.Errorf("token %+v", token)
			}
		}
	}
	if list, err := d.APITokens(ctx, "nobody", "", 0, 10); err != nil || len(list) != 0 {
		t.Fatalf("of nobody: %v, error %v", list, err)
	}
}

func TestOwnerComesWithItsFirstAdmin(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, t.TempDir(), Options{})
	made, err := d.CreateOwner(ctx, "acme", tokenHash("acme"))
	if err != nil {
		t.Fatal(err)
	}
	who, err := d.PrincipalByToken(ctx, tokenHash("acme"))
	if err != nil || who.Owner != made.ID || who.Project != "" || !who.May(auth.Admin) || who.Operates() {
		t.Fatalf("principal %+v, error %v", who, err)
	}
	if _, err := d.CreateOwner(ctx, "acme", tokenHash("again")); !errors.Is(err, auth.ErrExists) {
		t.Fatalf("twice: %v", err)
	}
	if list, err := d.Owners(ctx, 0, 10); err != nil || len(list) != 2 || list[0] != made || list[1].ID != auth.DefaultOwner {
		t.Fatalf("owners %+v, error %v", list, err)
	}
}
