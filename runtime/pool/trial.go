package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions"
)

// A trial's top level may use half of what it is stopped at. There are at most
// so many trials at once; the others wait.
const (
	trialBudget = 50 * time.Millisecond * slowdown
	trialLimit  = 10 * time.Second
	maxTries    = 2
)

// Try loads a bundle once in a fresh worker that is used for nothing else, and
// reports what it exports. It implements versions.Trial: what is wrong with the
// script is a *versions.SourceError, with the script's main file where no better
// position is known.
func (p *Pool) Try(ctx context.Context, script versions.Script, bundle versions.Bundle) (versions.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	select {
	case p.tries <- struct{}{}:
		defer func() { <-p.tries }()
	case <-p.stop:
		return versions.Report{}, ErrClosed
	case <-ctx.Done():
		return versions.Report{}, fmt.Errorf("try %s: %w", script.Name, ctx.Err())
	}
	ch, err := p.trialChild(ctx)
	if err != nil {
		return versions.Report{}, fmt.Errorf("try %s: %w", script.Name, err)
	}
	defer ch.kill(ending{rule: surplus})
	code := Code{Script: script.Name, Main: script.Main, Bundle: bundle.Code, SourceMap: bundle.SourceMap}
	ch.try(code.source())
	select {
	case body := <-ch.tried:
		tried, err := worker.DecodeTried(body)
		if err != nil {
			return versions.Report{}, fmt.Errorf("try %s: %w", script.Name, err)
		}
		return verdict(script, bundle, tried)
	case <-ch.gone:
		return versions.Report{}, ch.failed(script)
	case <-p.stop:
		return versions.Report{}, ErrClosed
	case <-ctx.Done():
		return versions.Report{}, refuse(script, "the top level did not end within "+trialLimit.String())
	}
}

// trialChild starts a child for one trial.
func (p *Pool) trialChild(ctx context.Context) (*child, error) {
	answer := make(chan started, 1)
	select {
	case p.spawns <- spawn{trial: answer}:
	case <-p.stop:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := <-answer
	return s.child, s.err
}

func (ch *child) try(source *worker.Source) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.end == nil {
		ch.buf = worker.AppendTrial(ch.buf, source, trialBudget)
		ch.poke()
	}
}

// failed is the error of a trial whose worker is gone.
func (ch *child) failed(script versions.Script) error {
	ch.mu.Lock()
	e := *ch.end
	ch.mu.Unlock()
	l := loss{ending: e}
	switch e.rule {
	case closing:
		return ErrClosed
	case overrun, silent:
		return refuse(script, "the top level does not end: it was stopped after "+e.cpu.Round(time.Millisecond).String()+" of CPU time")
	case exited, memory:
		return refuse(script, "the top level ended its process: "+l.text())
	}
	return fmt.Errorf("try %s: the worker was lost: %s", script.Name, l.text())
}

func refuse(script versions.Script, message string) error {
	return &versions.SourceError{Script: script.Name, File: script.Main, Message: message}
}

// verdict makes a report or an error of what a trial found.
func verdict(script versions.Script, bundle versions.Bundle, tried worker.Tried) (versions.Report, error) {
	if tried.Error != nil {
		return versions.Report{}, sourceError(script, bundle, tried.Error)
	}
	if tried.CPU > trialBudget/2 {
		return versions.Report{}, refuse(script, fmt.Sprintf(
			"the top level takes %v of CPU time, every event again; the limit is %v", tried.CPU.Round(time.Millisecond), trialBudget/2))
	}
	r := versions.Report{
		Handlers: tried.Report.Handlers,
		Options:  versions.Options{Isolation: tried.Report.Isolation, ConnectOnDeploy: tried.Report.ConnectOnDeploy},
	}
	for _, c := range tried.Report.Crons {
		if !json.Valid(c.Spec) {
			return versions.Report{}, fmt.Errorf("try %s: bad cron %q", script.Name, c.Name)
		}
		r.Crons = append(r.Crons, versions.Cron{Name: c.Name, Spec: c.Spec})
	}
	return r, nil
}

// sourceError places a script's error in its sources.
func sourceError(script versions.Script, bundle versions.Bundle, e *runtime.ScriptError) error {
	s := &versions.SourceError{Script: script.Name, File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}
	if e.Name != "" && e.Limit == "" {
		s.Message = e.Name + ": " + e.Message
	}
	if e.Limit == "cpu" {
		s.Message = "the top level does not end: it was stopped after " + strconv.FormatFloat(e.CPUMillis, 'f', 0, 64) + "ms of CPU time"
	}
	if s.File == "" {
		s.File, s.Line, s.Column = script.Main, 0, 0
	}
	s.Frame = frame(bundle.SourceMap, s.File, s.Line, s.Column)
	return s
}

// frame is a line of a source as the source map carries it, with a marker below
// the column, or "".
func frame(sourceMap []byte, file string, line, column int) string {
	var m struct {
		SourceRoot     string   `json:"sourceRoot"`
		Sources        []string `json:"sources"`
		SourcesContent []string `json:"sourcesContent"`
	}
	if line < 1 || json.Unmarshal(sourceMap, &m) != nil {
		return ""
	}
	for i, source := range m.Sources {
		if path.Join(m.SourceRoot, source) != path.Clean(file) || i >= len(m.SourcesContent) {
			continue
		}
		lines := strings.Split(m.SourcesContent[i], "\n")
		if line > len(lines) {
			return ""
		}
		text := strings.TrimSuffix(lines[line-1], "\r")
		number := strconv.Itoa(line)
		marked := number + " | " + text
		if column < 1 || column > len(text)+1 {
			return marked
		}
		return marked + "\n" + strings.Repeat(" ", len(number)) + " | " + indent(text[:column-1]) + "^"
	}
	return ""
}

// indent is as wide as a text, tabs kept.
func indent(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}
