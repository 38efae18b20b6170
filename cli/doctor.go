package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/server"
	"github.com/tendril-run/tendril/gateway/sqlite"
	"github.com/tendril-run/tendril/runtime/pool"
	"github.com/tendril-run/tendril/versions"
)

// checkup is what doctor found out.
type checkup struct {
	Build buildInfo `json:"build"`
	sqlite.Inspection
	Server   *localServer   `json:"server,omitempty"` // that runs on the directory
	Children []child        `json:"children,omitempty"`
	Worker   string         `json:"worker_start,omitempty"` // how long one took
	Compile  string         `json:"compile,omitempty"`
	Limits   []server.Limit `json:"limits"`
}

// startTime is how long a child may take to prove that it works.
const startTime = 20 * time.Second

func doctorCommand() *cobra.Command {
	var data string
	cmd := local(&cobra.Command{
		Use:   "doctor",
		Short: "Check a data directory and this machine",
		Long: "Check a data directory, while its server runs or not: every page and stored content, space, clock, the children that " +
			"run scripts and compile them. Tell the versions and the limits in force. Exit with 1 when something is not as it should be.",
		Example: "tendril doctor --data /var/lib/tendril --json",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := newOutput(cmd)
			limits, err := configure(cmd)
			if err != nil {
				return err
			}
			c, err := examine(cmd.Context(), data, limits)
			if err != nil {
				return err
			}
			if o.json {
				err = writeJSON(o.out, c)
			} else {
				c.print(o)
			}
			if err == nil && len(c.Findings) > 0 {
				err = problem{Code: "findings", Message: fmt.Sprintf("%d findings in %s", len(c.Findings), data)}
			}
			return err
		},
	})
	cmd.Flags().StringVar(&data, "data", defaultData, "data directory")
	configFlags(cmd)
	return cmd
}

func examine(ctx context.Context, data string, limits server.Limits) (c checkup, err error) {
	c = checkup{Build: build(), Limits: limits.Named()}
	if c.Inspection, err = sqlite.Inspect(ctx, data, time.Now()); err != nil {
		return c, err
	}
	if c.PID != 0 {
		c.running(data)
	}
	c.Worker, err = timed(func() error { return tryWorker(ctx, limits) })
	c.check("worker", "start a worker", err)
	c.Compile, err = timed(func() error { return tryCompile(ctx) })
	c.check("compile", "compile a script", err)
	return c, ctx.Err()
}

func (c *checkup) check(code, doing string, err error) {
	if err != nil {
		c.Findings = append(c.Findings, sqlite.Finding{Code: code, Message: doing + ": " + err.Error()})
	}
}

// running looks at the server that has the directory. What it enforces it has
// announced itself.
func (c *checkup) running(data string) {
	for _, s := range announced(data) {
		if s.PID != c.PID {
			continue
		}
		c.Server = &s
		if len(s.Limits) > 0 {
			c.Limits = s.Limits
		}
	}
	c.Children = childrenOf(c.PID)
	if c.Server == nil {
		c.check("server", fmt.Sprintf("process %d has the directory", c.PID), errors.New("and has announced no server"))
	} else if c.Children != nil && len(c.Children) == 0 {
		c.check("children", fmt.Sprintf("server %d", c.PID), errors.New("no worker runs"))
	}
}

func timed(do func() error) (string, error) {
	begun := time.Now()
	if err := do(); err != nil {
		return "", err
	}
	return time.Since(begun).Round(100 * time.Microsecond).String(), nil
}

// tryWorker starts a worker as a server would.
func tryWorker(ctx context.Context, limits server.Limits) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	workers, err := pool.New(pool.Config{Workers: 1, Memory: uint64(limits.Memory)})
	if err != nil {
		return err
	}
	defer workers.Close()
	return workers.Ready(ctx)
}

// tryCompile compiles a script of one line as a server would.
func tryCompile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	files := []versions.File{{Path: "main.ts", Data: []byte("export default { onMessage(): void {} };\n")}}
	_, err = (&pool.Compiler{Exe: exe}).Compile(ctx, files, versions.Script{Name: "doctor", Main: "main.ts"})
	return err
}

func (c *checkup) print(o output) {
	s := newStyles()
	row := func(name, format string, args ...any) {
		fmt.Fprintf(o.out, "%s %s\n", s.dim.Render(fmt.Sprintf("%-10s", name)), printable(fmt.Sprintf(format, args...)))
	}
	row("program", "tendril %s %s %s/%s", c.Build.Version, c.Build.Go, c.Build.OS, c.Build.Arch)
	row("data", "%s", absolute(c.Data))
	row("database", "schema %d of %d, epoch %d, SQLite %s, %s", c.Schema, c.Known, c.Epoch, c.SQLite, size(int(c.Main)))
	row("holds", "%d devices, %d queued commands, %d versions", c.Devices, c.Commands, c.Versions)
	row("logs", "%d files, %s", c.LogFiles, size(int(c.Logs)))
	row("space", "%s free of %s", size(int(c.Free)), size(int(c.Total)))
	if c.Server != nil {
		row("server", "%s, process %d", c.Server.URL, c.Server.PID)
	}
	for _, ch := range c.Children {
		row("child", "%s, process %d, %s", ch.Verb, ch.PID, size(int(ch.Bytes)))
	}
	row("worker", "starts in %s", c.Worker)
	row("compiler", "compiles in %s", c.Compile)
	for _, l := range c.Limits {
		mark := ""
		if !l.Default {
			mark = "  (configured)"
		}
		row("limit", "%-18s %s%s", l.Name, l.Value, mark)
	}
	for _, f := range c.Findings {
		fmt.Fprintf(o.out, "%s %s: %s\n", s.bad.Render("finding"), f.Code, printable(f.Message))
	}
	if len(c.Findings) == 0 {
		fmt.Fprintln(o.out, s.good.Render("nothing found"))
	}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return strings.TrimSpace(path)
}
