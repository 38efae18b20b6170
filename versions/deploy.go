package versions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Known finds stored versions by their content.
type Known interface {
	// VersionByDigest returns the version of a script that has this digest.
	// Error: ErrNotFound.
	VersionByDigest(ctx context.Context, project, script, digest string) (Version, error)
}

// Deployer makes versions of sources and makes them live.
type Deployer struct {
	Compiler Compiler
	Trial    Trial
	Store    Store
	Known    Known
}

// DigestError says that the sources of a script are not those that the caller
// believes to have sent.
type DigestError struct {
	Script string
	Want   string
	Got    string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("script %s has digest %s, not %s", e.Script, e.Got, e.Want)
}

// Make compiles every script, loads what is new once on trial and stores it, all
// or none; nothing becomes live. The versions come sorted by script; created is
// false for one whose content was stored before. Errors: *SourceError where the
// sources are to blame, ErrUpload, *DigestError.
func (d Deployer) Make(ctx context.Context, s Sources) (made []Version, created []bool, err error) {
	if err := s.check(); err != nil {
		return nil, nil, err
	}
	builds, err := d.build(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if err := d.try(ctx, s.Project, builds); err != nil {
		return nil, nil, err
	}
	return d.store(ctx, s, builds)
}

// Deploy flips pointers, all or none. See Store.
func (d Deployer) Deploy(ctx context.Context, r Request) ([]Deployment, []Placement, error) {
	return d.Store.Deploy(ctx, r)
}

// build is what became of one script on the way to its version.
type build struct {
	upload Upload
	known  *Version // stored before
}

// build compiles the scripts in the order of their names. No script is tried
// before all compile.
func (d Deployer) build(ctx context.Context, s Sources) ([]build, error) {
	scripts := slices.Clone(s.Scripts)
	slices.SortFunc(scripts, func(a, b Script) int { return strings.Compare(a.Name, b.Name) })
	byPath := make(map[string]File, len(s.Files))
	for _, f := range s.Files {
		byPath[f.Path] = f
	}
	builds := make([]build, 0, len(scripts))
	for _, script := range scripts {
		bundle, err := d.Compiler.Compile(ctx, s.Files, script)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", script.Name, blame(script, err))
		}
		files, err := closure(script, bundle.Inputs, byPath)
		if err != nil {
			return nil, err
		}
		digest := Digest(script, files)
		if want, ok := s.Digests[script.Name]; ok && want != digest {
			return nil, &DigestError{Script: script.Name, Want: want, Got: digest}
		}
		builds = append(builds, build{upload: Upload{
			Script: script, Digest: digest, Files: files, Bundle: bundle,
			Message: s.Message, Author: s.Author,
		}})
	}
	return builds, nil
}

// closure picks the files that a bundle was made of, sorted by path.
func closure(script Script, inputs []string, byPath map[string]File) ([]File, error) {
	if len(inputs) > MaxFiles {
		return nil, tooBig(script, fmt.Sprintf("%d files, over the limit of %d", len(inputs), MaxFiles))
	}
	total := 0
	files := make([]File, 0, len(inputs))
	for _, path := range inputs {
		f, ok := byPath[path]
		if !ok {
			return nil, fmt.Errorf("compile %s: bundle of %q, which was not uploaded", script.Name, path)
		}
		total += len(f.Data)
		files = append(files, f)
	}
	if total > MaxSource {
		return nil, tooBig(script, fmt.Sprintf("%d bytes of files, over the limit of %d", total, MaxSource))
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func tooBig(script Script, text string) error {
	return &SourceError{Script: script.Name, File: script.Main, Message: "script is made of " + text}
}

// try loads what is not stored yet.
func (d Deployer) try(ctx context.Context, project string, builds []build) error {
	for i := range builds {
		u := &builds[i].upload
		known, err := d.Known.VersionByDigest(ctx, project, u.Script.Name, u.Digest)
		switch {
		case err == nil:
			builds[i].known = &known
			continue
		case !errors.Is(err, ErrNotFound):
			return fmt.Errorf("find version of %s: %w", u.Script.Name, err)
		}
		if u.Report, err = d.Trial.Try(ctx, u.Script, u.Bundle); err != nil {
			return fmt.Errorf("try %s: %w", u.Script.Name, blame(u.Script, err))
		}
	}
	return nil
}

func (d Deployer) store(ctx context.Context, s Sources, builds []build) (made []Version, created []bool, err error) {
	var uploads []Upload
	for _, b := range builds {
		if b.known == nil {
			uploads = append(uploads, b.upload)
		}
	}
	var stored []Version
	var fresh []bool
	if len(uploads) > 0 {
		if stored, fresh, err = d.Store.Insert(ctx, s.Project, uploads); err != nil {
			return nil, nil, fmt.Errorf("store versions: %w", err)
		}
	}
	for _, b := range builds {
		if b.known != nil {
			made, created = append(made, *b.known), append(created, false)
			continue
		}
		made, created = append(made, stored[0]), append(created, fresh[0])
		stored, fresh = stored[1:], fresh[1:]
	}
	return made, created, nil
}

// blame names the script in an error about its source, and its main file where
// no file is named.
func blame(script Script, err error) error {
	var source *SourceError
	if !errors.As(err, &source) || source.Script != "" && source.File != "" {
		return err
	}
	named := *source
	named.Script = script.Name
	if named.File == "" {
		named.File = script.Main
	}
	return &named
}
