package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
)

// newDeviceToken asks for a token of a device.
type newDeviceToken struct {
	Rotate bool `json:"rotate,omitempty"`
}

func (s *service) issueToken(ctx context.Context, in *struct {
	InDevice
	Body *newDeviceToken `required:"false"`
},
) (*result[DeviceToken], error) {
	key, err := s.findKey(ctx, in.InDevice)
	if err != nil {
		return nil, err
	}
	token, hash := auth.New(auth.DeviceToken)
	ended, err := s.Devices.IssueToken(ctx, key, hash, in.Body != nil && in.Body.Rotate)
	switch {
	case errors.Is(err, auth.ErrExists):
		e := problem(http.StatusConflict, "token_exists", "device "+key.ID+" already has a token")
		e.Hint = "--rotate makes a new one; the present one stays valid until the next rotation"
		return nil, e
	case err != nil:
		return nil, err
	}
	s.Sessions.Revoke(each(ended, auth.Credential)...)
	return &result[DeviceToken]{DeviceToken{DeviceID: key.ID, Token: token}}, nil
}
