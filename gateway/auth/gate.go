package auth

import (
	"context"
	"fmt"

	"github.com/tendril-run/tendril/gateway/device"
)

// Gate decides who a presented token speaks for. It keeps nothing: a token
// revoked in the store opens nothing at the next call.
type Gate struct {
	Tokens Tokens
}

// Admit names the one device that a device token opens. Error: ErrToken, for
// tokens of other kinds too; any other error means that the store could not be
// asked.
func (g Gate) Admit(ctx context.Context, token string) (device.Key, error) {
	kind, hash, err := Check(token)
	if err != nil || kind != DeviceToken {
		return device.Key{}, ErrToken
	}
	key, err := g.Tokens.DeviceByToken(ctx, hash)
	if err != nil {
		return device.Key{}, fmt.Errorf("admit device: %w", err)
	}
	return key, nil
}

// Principal says who an API token speaks for. Errors as of Admit.
func (g Gate) Principal(ctx context.Context, token string) (Principal, error) {
	kind, hash, err := Check(token)
	if err != nil || kind != APIToken {
		return Principal{}, ErrToken
	}
	p, err := g.Tokens.PrincipalByToken(ctx, hash)
	if err != nil {
		return Principal{}, fmt.Errorf("check token: %w", err)
	}
	return p, nil
}
