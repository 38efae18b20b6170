package auth

import (
	"context"
	"fmt"
	"time"
)

// Gate decides who a presented token speaks for. It keeps nothing: a token
// revoked in the store opens nothing at the next call.
type Gate struct {
	Tokens Tokens
}

// Admit says what a device token opens. Error: ErrToken, for tokens of other
// kinds too; any other error means that the store could not be asked.
func (g Gate) Admit(ctx context.Context, token string) (Pass, error) {
	kind, hash, err := Check(token)
	if err != nil || kind != DeviceToken {
		return Pass{}, ErrToken
	}
	checked := time.Now()
	key, err := g.Tokens.DeviceByToken(ctx, hash)
	if err != nil {
		return Pass{}, fmt.Errorf("admit device: %w", err)
	}
	return Pass{Device: key, Credential: Credential(hash), Checked: checked}, nil
}

// Credential names the token of a hash without telling it, as long as the server
// runs. That of an API token is its id.
func Credential(hash [32]byte) string { return string(hash[:]) }

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
