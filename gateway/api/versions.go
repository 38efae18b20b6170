package api

import (
	"context"
	"maps"
	"slices"

	"github.com/tendril-run/tendril/versions"
)

func showVersion(v versions.Version) Version {
	return Version{
		Version: v.Number, UUID: v.UUID, Digest: v.Digest, Active: v.Active,
		CreatedAt: v.CreatedAt, Message: v.Message, Author: v.Author, Size: v.Size,
	}
}

func (s *service) listVersions(ctx context.Context, in *struct {
	InProject
	Script string `path:"s" doc:"name of the script"`
	Paged
},
) (*result[Page[Version]], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	rows, err := s.History.Versions(ctx, p.ID, in.Script, in.offset(), in.limit())
	if err != nil {
		return nil, noScript(err, in.Script)
	}
	return page(in.Paged, rows, showVersion), nil
}

func (s *service) makeVersions(ctx context.Context, in *struct {
	InProject
	Body NewVersions
},
) (*result[MadeVersions], error) {
	p, err := s.findProject(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	made, created, err := s.Deployer.Make(ctx, sourcesOf(p.ID, callerOf(ctx).Name, in.Body))
	if err != nil {
		return nil, err
	}
	shown := make([]MadeVersion, 0, len(made))
	for i, v := range made {
		shown = append(shown, showMade(v, created[i]))
	}
	return &result[MadeVersions]{MadeVersions{shown}}, nil
}

// sourcesOf is an upload in the terms of versions.
func sourcesOf(project, author string, up NewVersions) versions.Sources {
	s := versions.Sources{Project: project, Message: up.Message, Author: author, Digests: map[string]string{}}
	for _, path := range slices.Sorted(maps.Keys(up.Files)) {
		s.Files = append(s.Files, versions.File{Path: path, Data: []byte(up.Files[path])})
	}
	for _, name := range slices.Sorted(maps.Keys(up.Scripts)) {
		source := up.Scripts[name]
		s.Scripts = append(s.Scripts, versions.Script{Name: name, Main: source.Main, Export: source.Export})
		if source.Digest != "" {
			s.Digests[name] = source.Digest
		}
	}
	return s
}

func showMade(v versions.Version, created bool) MadeVersion {
	made := MadeVersion{
		Script: v.Script.Name, Version: v.Number, UUID: v.UUID, Digest: v.Digest, Created: created,
		Size: v.Size, Handlers: v.Report.Handlers, Crons: v.Report.Crons, Compiler: v.Compiler,
	}
	if made.Handlers == nil {
		made.Handlers = []string{}
	}
	if made.Crons == nil {
		made.Crons = []versions.Cron{}
	}
	return made
}
