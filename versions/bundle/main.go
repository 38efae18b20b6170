package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/tendril-run/tendril/versions"
)

// Request is what the parent writes to the child's standard input, as JSON: the
// files themselves, or the folder that they are to be read from.
type Request struct {
	Script versions.Script
	Files  []versions.File `json:",omitempty"`
	Folder string          `json:",omitempty"`
}

// Response is the child's answer on its standard output: a bundle, an error in the
// sources, or a fault that is not theirs. Files is set where the request named a
// folder.
type Response struct {
	Bundle versions.Bundle       `json:",omitzero"`
	Files  []versions.File       `json:",omitempty"`
	Source *versions.SourceError `json:",omitempty"`
	Fault  string                `json:",omitempty"`
}

// MaxRequest and MaxResponse bound the two, in bytes.
const (
	MaxRequest  = 64 << 20
	MaxResponse = 64 << 20
)

// maxStack ends a compile that recurses without end before it has eaten the
// memory of the machine, in bytes.
const maxStack = 128 << 20

// Main is the compile child: one request, one response, and an exit code that is
// not 0 if there is none. It lowers the limits of its process and is for a process
// of its own.
func Main(stdin io.Reader, stdout io.Writer) int {
	debug.SetMaxStack(maxStack)
	debug.SetGCPercent(400)
	if err := limit(); err != nil {
		return answer(stdout, Response{Fault: err.Error()})
	}
	var r Request
	if err := json.NewDecoder(io.LimitReader(stdin, MaxRequest)).Decode(&r); err != nil {
		return answer(stdout, Response{Fault: fmt.Sprintf("read request: %v", err)})
	}
	return answer(stdout, serve(r))
}

func answer(stdout io.Writer, r Response) int {
	if err := json.NewEncoder(stdout).Encode(r); err != nil {
		return 1
	}
	return 0
}

func serve(r Request) Response {
	var files Files
	if r.Folder != "" {
		folder, err := OpenFolder(r.Folder)
		if err != nil {
			return Response{Fault: err.Error()}
		}
		defer folder.Close()
		files = folder
	} else {
		leaveDisk()
		files = NewMemory(r.Files)
	}
	result, err := Compile(files, r.Script)
	var source *versions.SourceError
	switch {
	case errors.As(err, &source):
		return Response{Source: source}
	case err != nil:
		return Response{Fault: err.Error()}
	}
	response := Response{Bundle: result.Bundle}
	if r.Folder != "" {
		response.Files = result.Files
	}
	return response
}
