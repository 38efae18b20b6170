package auth_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/auth"
)

func TestDeviceTokenFitsTheSlotOfABoard(t *testing.T) {
	t.Parallel()
	for range 200 {
		token, _ := auth.New(auth.DeviceToken)
		if len(token) != 32 || !strings.HasPrefix(token, "tdt_") {
			t.Fatalf("%d characters with prefix %q", len(token), token[:4])
		}
	}
}

func TestTokenOfEveryKindPassesItsOwnCheck(t *testing.T) {
	t.Parallel()
	for _, kind := range []auth.Kind{auth.DeviceToken, auth.APIToken, auth.ProvisionToken} {
		token, hash := auth.New(kind)
		got, gotHash, err := auth.Check(token)
		if err != nil || got != kind || gotHash != hash {
			t.Errorf("%s: kind %q, same hash %v, error %v", kind, got, gotHash == hash, err)
		}
		if hash != sha256.Sum256([]byte(token)) {
			t.Errorf("%s: the hash is not the SHA-256 of the text", kind)
		}
		if again, _ := auth.New(kind); again == token {
			t.Errorf("%s: made twice the same", kind)
		}
	}
}

func TestNewRefusesAnUnknownKind(t *testing.T) {
	t.Parallel()
	if token, _ := auth.New("xyz_"); token != "" {
		t.Errorf("got a token of %d characters", len(token))
	}
}

func TestEveryChangedCharacterFailsTheCheck(t *testing.T) {
	t.Parallel()
	for _, kind := range []auth.Kind{auth.DeviceToken, auth.APIToken} {
		token, _ := auth.New(kind)
		for i := range len(token) {
			for _, c := range []byte("0Zaz_-\x00\xff") {
				if token[i] == c {
					continue
				}
				changed := token[:i] + string([]byte{c}) + token[i+1:]
				if _, _, err := auth.Check(changed); !errors.Is(err, auth.ErrToken) {
					t.Fatalf("%s: character %d as %q passed", kind, i, c)
				}
			}
		}
	}
}

func TestCheckRefusesOtherTexts(t *testing.T) {
	t.Parallel()
	device, _ := auth.New(auth.DeviceToken)
	api, _ := auth.New(auth.APIToken)
	for name, text := range map[string]string{
		"empty":        "",
		"prefix alone": "tdt_",
		"shorter":      device[:31],
		"longer":       device + "0",
		"space before": " " + device,
		"other prefix": "tat_" + device[4:],
		"device's":     "tdt_" + api[4:],
		"unknown kind": "txt_" + device[4:],
	} {
		if _, _, err := auth.Check(text); !errors.Is(err, auth.ErrToken) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestRedactLeavesNoTokenInAText(t *testing.T) {
	t.Parallel()
	device, _ := auth.New(auth.DeviceToken)
	api, _ := auth.New(auth.APIToken)
	for text, want := range map[string]string{
		"":                              "",
		"no such script: light":         "no such script: light",
		"tat_short tdt_ tpt_x":          "tat_short tdt_ tpt_x",
		"a" + api + ", " + device + "!": "atat_…, tdt_…!",
		api + api:                       "tat_…",
		"cut " + device[:20]:            "cut tdt_…",
	} {
		got := auth.Redact(text)
		if got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, kind := range []auth.Kind{auth.DeviceToken, auth.APIToken, auth.ProvisionToken} {
		token, _ := auth.New(kind)
		f.Add(token)
		f.Add(token[:len(token)-1])
	}
	f.Add("tdt_\xff")
	f.Fuzz(func(t *testing.T, text string) {
		kind, hash, err := auth.Check(text)
		if err != nil {
			if err.Error() != auth.ErrToken.Error() || kind != "" || hash != [32]byte{} {
				t.Fatal("a refusal says more than that")
			}
			return
		}
		if !strings.HasPrefix(text, string(kind)) || hash != sha256.Sum256([]byte(text)) {
			t.Fatalf("kind %q", kind)
		}
	})
}
