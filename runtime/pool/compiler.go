package pool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"time"

	"github.com/tendril-run/tendril/versions"
	"github.com/tendril-run/tendril/versions/bundle"
)

// ErrBusy says that too many compiles wait for their turn already.
var ErrBusy = errors.New("too many compiles at once: try again")

// At most so many compile children run at once, and so many calls wait for them.
const (
	maxCompiles = 2
	maxWaiting  = 16
)

// compileLimit is the time that one compile may take, the start of the child
// included.
const compileLimit = 10 * time.Second

// Compiler compiles scripts, each in a child process that lives for one compile.
// It implements versions.Compiler, and must not be copied after its first use.
type Compiler struct {
	Exe string // the binary to run with the argument "compile"

	once  sync.Once
	queue chan struct{} // a place for every call that runs or waits
	turn  chan struct{} // a place for every call that runs
}

// Compile makes a bundle of files in memory. What is wrong with them, and what
// ended the child, is a *versions.SourceError. Other errors: ErrBusy, that of ctx,
// and those of the machine.
func (c *Compiler) Compile(ctx context.Context, files []versions.File, script versions.Script) (versions.Bundle, error) {
	if err := versions.CheckFiles(files); err != nil {
		return versions.Bundle{}, blame(script, err)
	}
	r, err := c.run(ctx, bundle.Request{Script: script, Files: files})
	return r.Bundle, err
}

// CompileDir makes a bundle of a project's folder, of which the child reads what
// it needs and nothing outside, and returns the files that it is made of, sorted
// by path. Compiled from memory they give the same bundle. Errors are those of
// Compile.
func (c *Compiler) CompileDir(ctx context.Context, root string, script versions.Script) (versions.Bundle, []versions.File, error) {
	folder, err := filepath.Abs(root)
	if err != nil {
		return versions.Bundle{}, nil, fmt.Errorf("compile %s: %w", script.Name, err)
	}
	r, err := c.run(ctx, bundle.Request{Script: script, Folder: folder})
	if err != nil {
		return versions.Bundle{}, nil, err
	}
	if err := versions.CheckFiles(r.Files); err != nil {
		return versions.Bundle{}, nil, blame(script, err)
	}
	return r.Bundle, r.Files, nil
}

// run has a child answer one request when its turn comes.
func (c *Compiler) run(ctx context.Context, r bundle.Request) (bundle.Response, error) {
	c.once.Do(func() {
		c.queue = make(chan struct{}, maxCompiles+maxWaiting)
		c.turn = make(chan struct{}, maxCompiles)
	})
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return bundle.Response{}, ErrBusy
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return bundle.Response{}, fmt.Errorf("compile %s: %w", r.Script.Name, ctx.Err())
	}
	return c.child(ctx, r)
}

// child starts a child, waits for it and judges its answer.
func (c *Compiler) child(ctx context.Context, r bundle.Request) (bundle.Response, error) {
	request, err := json.Marshal(r)
	if err != nil {
		return bundle.Response{}, fmt.Errorf("compile %s: %w", r.Script.Name, err)
	}
	limited, cancel := context.WithTimeout(ctx, compileLimit)
	defer cancel()
	answer := capped{room: bundle.MaxResponse}
	var stderr excerpt
	cmd := exec.CommandContext(limited, c.Exe, "compile")
	cmd.Env = []string{}
	cmd.Stdin = bytes.NewReader(request)
	cmd.Stdout = &answer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = compileAttributes()
	cmd.WaitDelay = time.Second
	// On Linux the child dies with the thread that started it.
	goruntime.LockOSThread()
	err = cmd.Run()
	goruntime.UnlockOSThread()
	switch {
	case ctx.Err() != nil:
		return bundle.Response{}, fmt.Errorf("compile %s: %w", r.Script.Name, ctx.Err())
	case limited.Err() != nil:
		return bundle.Response{}, refuse(r.Script, "the script takes longer than "+compileLimit.String()+" to compile")
	case err != nil:
		return bundle.Response{}, died(r.Script, err, stderr.String())
	}
	return verified(r, answer.data.Bytes())
}

// died is the error of a child that ended without an answer.
func died(script versions.Script, err error, stderr string) error {
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return fmt.Errorf("compile %s: %w", script.Name, err)
	case strings.Contains(stderr, "stack overflow"), strings.Contains(stderr, "stack exceeds"):
		return refuse(script, "the script cannot be compiled: its code is nested too deeply for the compiler's stack")
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"):
		return refuse(script, "the script cannot be compiled: the compiler reached its memory limit")
	}
	return refuse(script, "the script cannot be compiled: the compiler ended with "+exit.String())
}

// verified reads a child's answer. The child has run nothing of the sources, but
// it has read them, so what it says is not taken for granted.
func verified(r bundle.Request, answer []byte) (bundle.Response, error) {
	var response bundle.Response
	if err := json.Unmarshal(answer, &response); err != nil {
		return bundle.Response{}, fmt.Errorf("compile %s: read answer: %w", r.Script.Name, err)
	}
	switch {
	case response.Source != nil:
		return bundle.Response{}, response.Source
	case response.Fault != "":
		return bundle.Response{}, fmt.Errorf("compile %s: %s", r.Script.Name, response.Fault)
	case len(response.Bundle.Code) == 0 || len(response.Bundle.Code) > versions.MaxBundle:
		return bundle.Response{}, fmt.Errorf("compile %s: a bundle of %d bytes", r.Script.Name, len(response.Bundle.Code))
	}
	return response, nil
}

// blame names the script in an error about its files.
func blame(script versions.Script, err error) error {
	var source *versions.SourceError
	if !errors.As(err, &source) {
		return err
	}
	named := *source
	named.Script = script.Name
	if named.File == "" {
		named.File = script.Main
	}
	return &named
}

// capped keeps what is written to it and refuses what is too much.
type capped struct {
	data bytes.Buffer
	room int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.room -= len(b); c.room < 0 {
		return 0, errors.New("the answer is too long")
	}
	return c.data.Write(b)
}
