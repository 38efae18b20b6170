package vm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"

	"github.com/tendril-run/tendril/runtime"
)

// handlerNames are the handlers that an event can call.
var handlerNames = []string{"onDeviceConnect", "onDeviceDisconnect", "onMessage"}

// Cron is one entry of a script's crons: Spec is what stands there, as JSON.
type Cron struct {
	Name string
	Spec []byte
}

// Report is what a trial read of a script. Handlers and Crons are sorted by
// name. Isolation is "event", "device" or "" for the default; ConnectOnDeploy is
// nil when the script says nothing.
type Report struct {
	Handlers        []string
	Crons           []Cron
	Isolation       string
	ConnectOnDeploy *bool
}

// Trial loads a program once with nothing at stake: no handler is called, and
// nothing that it does at the top level takes effect.
type Trial struct{ run *Run }

// NewTrial prepares a trial in a realm of its own.
func (p *Program) NewTrial() *Trial {
	limits := runtime.DefaultLimits()
	return &Trial{run: p.New(&runtime.Invocation{
		Version: p.source.Version,
		KV:      runtime.Snapshot{Complete: true},
		Limits:  limits,
		Quota:   runtime.Quota{Budget: limits.CPU, Wall: limits.Wall},
	})}
}

// Interrupt ends the trial as Run.Interrupt ends a turn.
func (t *Trial) Interrupt(limit string) { t.run.Interrupt(limit) }

// Run evaluates the top level, makes the instance and reads what it exports.
// What cannot be deployed is an error that names the file.
func (t *Trial) Run() (Report, *runtime.ScriptError) {
	var report Report
	turn := t.run.turn(func() error {
		if err := t.run.load(); err != nil {
			return err
		}
		return t.run.guard(func() (err error) {
			report, err = t.run.report()
			return err
		})
	})
	if turn.Segment != nil && turn.Segment.Outcome != nil && turn.Segment.Outcome.Error != nil {
		return Report{}, turn.Segment.Outcome.Error
	}
	return report, nil
}

// Try is a trial that nobody interrupts.
func (p *Program) Try() (Report, *runtime.ScriptError) { return p.NewTrial().Run() }

func (r *Run) report() (Report, error) {
	var report Report
	for _, name := range handlerNames {
		v := r.instance.Get(name)
		if v == nil || goja.IsUndefined(v) {
			continue
		}
		if _, ok := callable(v); !ok {
			return Report{}, r.misplaced(name, name+" is not a function")
		}
		report.Handlers = append(report.Handlers, name)
	}
	if err := r.readCrons(&report); err != nil {
		return Report{}, err
	}
	if err := r.readOptions(&report); err != nil {
		return Report{}, err
	}
	return report, nil
}

func (r *Run) readCrons(report *Report) error {
	v := r.instance.Get("crons")
	if v == nil || goja.IsUndefined(v) {
		return nil
	}
	crons, ok := v.(*goja.Object)
	if !ok || !r.plain(crons) {
		return r.misplaced("crons", "crons must be an object of names and schedules")
	}
	names := crons.Keys()
	slices.Sort(names)
	for _, name := range names {
		e := encoder{run: r, what: "cron " + name, bytes: r.limits.Command, nodes: r.limits.Nodes, depth: r.limits.Depth}
		spec := e.encode(crons.Get(name))
		if len(spec) == 0 || spec[0] != '"' && spec[0] != '{' {
			return r.misplaced("crons", fmt.Sprintf("cron %q must be a schedule or an object with one", name))
		}
		report.Crons = append(report.Crons, Cron{Name: name, Spec: spec})
	}
	return nil
}

// readOptions reads static tendril = {…} of a class, or the property of an
// object.
func (r *Run) readOptions(report *Report) error {
	v := r.exported.(*goja.Object).Get("tendril")
	if v == nil || goja.IsUndefined(v) {
		return nil
	}
	options, ok := v.(*goja.Object)
	if !ok || !r.plain(options) {
		return r.misplaced("tendril", "tendril must be an object of options")
	}
	for _, key := range options.Keys() {
		value := options.Get(key)
		switch key {
		case "isolation":
			report.Isolation = r.safeText(value)
			if report.Isolation != "event" && report.Isolation != "device" {
				return r.misplaced("tendril", `tendril.isolation must be "event" or "device"`)
			}
		case "connectOnDeploy":
			if value != r.rt.ToValue(true) && value != r.rt.ToValue(false) {
				return r.misplaced("tendril", "tendril.connectOnDeploy must be true or false")
			}
			connect := value.ToBoolean()
			report.ConnectOnDeploy = &connect
		default:
			return r.misplaced("tendril", fmt.Sprintf("tendril has no option %q", clip(key, 64)))
		}
	}
	return nil
}

// misplaced is an error about a member of the entrypoint, at the place where
// the bundle defines it, if that is found.
func (r *Run) misplaced(member, message string) *runtime.ScriptError {
	e := r.program.refuse(message)
	for _, form := range []string{" " + member + " = ", " " + member + ": ", " " + member + "=", member + ":", `"` + member + `"`} {
		at, ok := r.program.find(form)
		if ok && (at.file == r.program.source.Main || !strings.Contains(at.file, "node_modules")) {
			e.File, e.Line, e.Column = at.file, at.line, at.column
			break
		}
	}
	return e
}
