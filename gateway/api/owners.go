package api

import (
	"context"
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
)

// newOwner asks for an owner.
type newOwner struct {
	Name string `json:"name"`
}

func showOwner(o auth.Owner) Owner { return Owner{ID: o.ID, Name: o.Name} }

// operates lets only the admins of the server on: an owner's own admins do not
// see that there are others.
func operates(ctx context.Context) error {
	if !callerOf(ctx).Operates() {
		return problem(http.StatusForbidden, "forbidden", "owners are for admins of the whole server")
	}
	return nil
}

func (s *service) listOwners(ctx context.Context, in *struct{ Paged }) (*result[Page[Owner]], error) {
	if err := operates(ctx); err != nil {
		return nil, err
	}
	rows, err := s.Owners.Owners(ctx, in.offset(), in.limit())
	if err != nil {
		return nil, err
	}
	return page(in.Paged, rows, showOwner), nil
}

func (s *service) createOwner(ctx context.Context, in *struct{ Body newOwner }) (*result[MadeOwner], error) {
	if err := operates(ctx); err != nil {
		return nil, err
	}
	name, err := auth.ParseOwner(in.Body.Name)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "invalid_owner", err.Error())
	}
	token, hash := auth.New(auth.APIToken)
	made, err := s.Owners.CreateOwner(ctx, name, hash)
	if err != nil {
		return nil, exists(err, "owner "+name)
	}
	return &result[MadeOwner]{MadeOwner{Owner: showOwner(made), Token: token}}, nil
}
