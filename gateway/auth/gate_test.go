package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
	"github.com/tendril-run/tendril/gateway/device"
)

// keyring holds one token of each kind and counts how often it is asked.
type keyring struct {
	device, api [32]byte
	fail        error
	asked       int
}

func (k *keyring) DeviceByToken(_ context.Context, hash [32]byte) (device.Key, error) {
	k.asked++
	if k.fail != nil {
		return device.Key{}, k.fail
	}
	if hash != k.device {
		return device.Key{}, auth.ErrToken
	}
	return device.Key{Project: "p1", ID: "lamp"}, nil
}

func (k *keyring) PrincipalByToken(_ context.Context, hash [32]byte) (auth.Principal, error) {
	k.asked++
	if k.fail != nil {
		return auth.Principal{}, k.fail
	}
	if hash != k.api {
		return auth.Principal{}, auth.ErrToken
	}
	return auth.Principal{Name: "ci"}, nil
}

func TestGateOpensForTheRightKindOnly(t *testing.T) {
	t.Parallel()
	deviceToken, deviceHash := auth.New(auth.DeviceToken)
	apiToken, apiHash := auth.New(auth.APIToken)
	ring := &keyring{device: deviceHash, api: apiHash}
	gate := auth.Gate{Tokens: ring}
	ctx := t.Context()

	if pass, err := gate.Admit(ctx, deviceToken); err != nil || pass.Device.ID != "lamp" || pass.Credential != auth.Credential(deviceHash) {
		t.Errorf("device token: %v, %v", pass.Device, err)
	}
	if p, err := gate.Principal(ctx, apiToken); err != nil || p.Name != "ci" {
		t.Errorf("API token: %v, %v", p, err)
	}
	asked := ring.asked
	if _, err := gate.Admit(ctx, apiToken); !errors.Is(err, auth.ErrToken) {
		t.Errorf("API token at the device door: %v", err)
	}
	if _, err := gate.Principal(ctx, deviceToken); !errors.Is(err, auth.ErrToken) {
		t.Errorf("device token at the API: %v", err)
	}
	for _, token := range []string{deviceToken, apiToken} {
		for i := range len(token) { // one character of each is wrong
			c := "0"
			if token[i] == '0' {
				c = "1"
			}
			changed := token[:i] + c + token[i+1:]
			if _, err := gate.Principal(ctx, changed); !errors.Is(err, auth.ErrToken) {
				t.Errorf("character %d changed, at the API: %v", i, err)
			}
			if _, err := gate.Admit(ctx, changed); !errors.Is(err, auth.ErrToken) {
				t.Errorf("character %d changed, at the device door: %v", i, err)
			}
		}
	}
	if ring.asked != asked {
		t.Error("the store was asked about tokens that open nothing")
	}
}

func TestGateTellsABrokenStoreFromABadToken(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	gate := auth.Gate{Tokens: &keyring{fail: broken}}
	token, _ := auth.New(auth.DeviceToken)
	_, err := gate.Admit(t.Context(), token)
	if !errors.Is(err, broken) || errors.Is(err, auth.ErrToken) {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), token) {
		t.Error("the error prints the token")
	}
}

func TestScopesImplyWhatTheySay(t *testing.T) {
	t.Parallel()
	all := []auth.Scope{auth.Admin, auth.Deploy, auth.Read, auth.Attach}
	want := map[auth.Scope][]bool{
		auth.Admin:  {true, true, true, false},
		auth.Deploy: {false, true, true, false},
		auth.Read:   {false, false, true, false},
		auth.Attach: {false, false, false, true},
	}
	for has, row := range want {
		p := auth.Principal{Scopes: []auth.Scope{has}}
		for i, scope := range all {
			if p.May(scope) != row[i] {
				t.Errorf("%s may %s: %v", has, scope, !row[i])
			}
		}
	}
}

func TestPrincipalSeesItsOwnProjectsOnly(t *testing.T) {
	t.Parallel()
	mine := auth.Project{ID: "p1", Owner: "o1"}
	for name, c := range map[string]struct {
		who  auth.Principal
		want bool
	}{
		"owner":         {auth.Principal{Owner: "o1"}, true},
		"this project":  {auth.Principal{Owner: "o1", Project: "p1"}, true},
		"other project": {auth.Principal{Owner: "o1", Project: "p2"}, false},
		"other owner":   {auth.Principal{Owner: "o2"}, false},
	} {
		if c.who.Sees(mine) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

func TestParseSlug(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "home-1", "z" + strings.Repeat("0", 62)} {
		if _, err := auth.ParseSlug(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "1a", "-a", "A", "a_b", "a.b", "a/b", "é", "a" + strings.Repeat("b", 63)} {
		if _, err := auth.ParseSlug(bad); !errors.Is(err, auth.ErrSlug) {
			t.Errorf("%q passed", bad)
		}
	}
}
