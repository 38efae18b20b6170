package api

import (
	"context"
	"net/http"

	"github.com/tendril-run/tendril/gateway/auth"
)

// newProject asks for a project.
type newProject struct {
	Slug string `json:"project_slug"`
}

func showProject(p auth.Project) Project {
	return Project{ID: p.ID, Slug: p.Slug, CreatedAt: p.CreatedAt}
}

func (s *service) listProjects(ctx context.Context, in *struct{ Paged }) (*result[Page[Project]], error) {
	who := callerOf(ctx)
	rows, err := s.Projects.Projects(ctx, who.Owner, who.Project, in.offset(), in.limit())
	if err != nil {
		return nil, err
	}
	return page(in.Paged, rows, showProject), nil
}

func (s *service) createProject(ctx context.Context, in *struct{ Body newProject }) (*result[Project], error) {
	slug, err := auth.ParseSlug(in.Body.Slug)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "invalid_project", err.Error())
	}
	who := callerOf(ctx)
	if who.Project != "" {
		return nil, problem(http.StatusForbidden, "forbidden", "the token is for one project")
	}
	p, err := s.Projects.CreateProject(ctx, who.Owner, slug)
	if err != nil {
		return nil, exists(err, "project "+slug)
	}
	return &result[Project]{showProject(p)}, nil
}

func (s *service) getProject(ctx context.Context, in *InProject) (*result[Project], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	return &result[Project]{showProject(p)}, nil
}
