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
	if err := d.IssueToken(ctx, key, tokenHash("second"), false); !errors.Is(err, auth.ErrExists) {
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
	}{{"second", []bool{true, true, false}}, {"third", []bool{false, true, true}}} {
		if err := d.IssueToken(ctx, key, tokenHash(step.token), true); err != nil {
			t.Fatal(err)
		}
		valid(step.valid...)
	}
	if err := d.Remove(ctx, key); err != nil {
		t.Fatal(err)
	}
	valid(false, false, false)
	if err := d.IssueToken(ctx, key, tokenHash("fourth"), true); !errors.Is(err, dispatch.ErrNoDevice) {
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
	if err := d.IssueToken(ctx, key, tokenHash("first"), false); err != nil {
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
	admin, err := d.AddToken(ctx, tokenHash("z"), auth.Principal{Name: "admin", Owner: "default", Scopes: []auth.Scope{auth.Admin}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.PrincipalByToken(ctx, tokenHash("z")); err != nil || got.Project != "" {
		t.Fatalf("principal %+v, error %v", got, err)
	}
	if err := d.RemoveToken(ctx, "default", admin.TokenID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.PrincipalByToken(ctx, tokenHash("z")); !errors.Is(err, auth.ErrToken) {
		t.Fatalf("revoked token: %v", err)
	}
	if err := d.RemoveToken(ctx, "default", admin.TokenID); !errors.Is(err, auth.ErrNotFound) {
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
