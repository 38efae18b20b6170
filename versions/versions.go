// Package versions knows which immutable code exists and which of it is live:
// nouns and rules only, on the standard library.
//
// It knows no compiler, no engine and no database; it is handed them.
package versions

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict says that an expectation about a live version was stale.
	ErrConflict = errors.New("conflict")
	// ErrNeverActive says that a rollback names a version that never was active.
	ErrNeverActive = errors.New("was never active")
)

var scriptName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// verbs of the command line that a script's name would hide.
var reserved = []string{"show", "diff", "pull", "release", "list"}

// ParseScript checks a script's name.
func ParseScript(s string) (string, error) {
	if !scriptName.MatchString(s) {
		return "", errors.New("invalid script name: a lower-case letter, then up to 62 letters, digits or -")
	}
	if slices.Contains(reserved, s) {
		return "", errors.New("invalid script name: " + s + " is a word of the command line")
	}
	return s, nil
}

// Script is a named entrypoint of a project: which file, which export.
type Script struct {
	Name   string
	Main   string // path of the file, relative to the project, with slashes
	Export string // "" is the default export
}

// Cron is one entry of a script's crons as the trial read it.
type Cron struct {
	Name string          `json:"name"`
	Spec json.RawMessage `json:"spec"` // a schedule string or {schedule, timeZone, …}
}

// Options stand in the script as static tendril = {…}.
type Options struct {
	Isolation       string `json:"isolation,omitempty"` // "event" or "device"; "" is event
	ConnectOnDeploy *bool  `json:"connectOnDeploy,omitempty"`
}

// Report is what a trial read from a bundle.
type Report struct {
	Handlers []string // sorted
	Crons    []Cron
	Options  Options
}

// Version is immutable code of one script. Number counts per script from 1.
type Version struct {
	Number    int
	UUID      string
	Project   string // internal id
	Script    Script
	Digest    string // SHA-256, lower-case hex; see Digest
	Compiler  string // name and version of the compiler that made the bundle
	Size      int    // bytes of the bundle
	Report    Report
	CreatedAt int64
	// Message and Author are those of the newest deployment that made it live, else
	// of its upload.
	Message string
	Author  string
	// Active says that the script's live pointer names it.
	Active bool
}

// Handles says whether the version exports this handler.
func (v *Version) Handles(handler string) bool { return slices.Contains(v.Report.Handlers, handler) }

// Bundle is what a compiler makes of a script's files.
type Bundle struct {
	Code      []byte   // one classic script; see package bundle for its contract
	SourceMap []byte   // JSON, sources relative to the project
	Inputs    []string // paths of the files it was made of, sorted, package.json files included
	Compiler  string
}

// Live is a script's pointer. Rollouts in percent come with their own feature;
// today every device runs Stable.
type Live struct {
	Stable int
}

// Kind says what a deployment did.
type Kind string

// The kinds of deployments.
const (
	Deploy   Kind = "deploy"
	Activate Kind = "activate"
	Rollback Kind = "rollback"
)

// Deployment is a row of history. It is inserted and never changed.
type Deployment struct {
	ID        string
	Kind      Kind
	Script    string
	From      int // 0 for the first
	To        int
	Author    string
	Message   string
	CreatedAt int64
}
