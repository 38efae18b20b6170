package versions

import "context"

// File is one source of an upload. Path is relative to the project, with
// slashes, without "." or ".." or empty parts.
type File struct {
	Path string
	Data []byte
}

// Compiler makes a bundle of in-memory files. Its errors about the source are
// *SourceError.
type Compiler interface {
	Compile(ctx context.Context, files []File, script Script) (Bundle, error)
}

// Trial loads a bundle once under budget with nothing at stake and reports what
// it exports. Its errors about the script are *SourceError.
type Trial interface {
	Try(ctx context.Context, script Script, bundle Bundle) (Report, error)
}

// Upload is one version to be stored.
type Upload struct {
	Script  Script
	Digest  string
	Files   []File // those the bundle was made of, sorted by path
	Bundle  Bundle
	Report  Report
	Message string
	Author  string
}

// Flip asks that a script's pointer name version To. Expect, where set, is the
// number that must be live for the flip to happen (0: none).
type Flip struct {
	Script string
	To     int
	Expect *int
}

// Deploy asks for flips of a project, all or none, in one transaction, and for
// devices to be made or moved to a script with it.
type Request struct {
	Project string
	Kind    Kind
	Flips   []Flip
	Devices []Placement
	Message string
	Author  string
}

// Placement says which script a device runs. Created is an answer.
type Placement struct {
	Device  string
	Script  string
	Created bool
}

// Store keeps versions and history.
type Store interface {
	// Insert stores versions, all or none. For an upload whose digest the script
	// already has, the stored version is returned and created is false.
	Insert(ctx context.Context, project string, uploads []Upload) (stored []Version, created []bool, err error)
	// Deploy flips pointers and appends history. A flip to the version already live
	// appends nothing. Errors: ErrNotFound, ErrConflict, ErrNeverActive (rollback).
	Deploy(ctx context.Context, r Request) ([]Deployment, []Placement, error)
}
