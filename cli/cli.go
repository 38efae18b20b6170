// Package cli is the command line: one file per verb. It owns flags, the
// environment and the terminal, reads project files, and plays the simulated
// device of a development loop.
//
// It knows no JavaScript engine, and the database only as a directory to be
// backed up, restored and checked: what is stored it asks of a server through the
// management API, what is compiled it leaves to a child.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
)

// Main runs the command line of this process and returns its exit code: 0 done,
// 1 failed, 2 wrong usage. The first interrupt ends a verb in good order, the
// second at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(plainUnlessColour(out))
	root.SetErr(plainUnlessColour(errs))
	b := build()
	err := fang.Execute(ctx, root,
		fang.WithVersion(b.Version),
		fang.WithCommit(b.Commit),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) {
			explain(err).print(w, wantsJSON(args))
		}))
	return exitCode(err)
}

// wantsJSON looks for the flag itself, because an error may be that the flags
// could not be parsed.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

func newRoot() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "tendril",
		Short: "TypeScript for devices: deploy, roll back, watch",
		Long: "Tendril runs TypeScript for devices. Every message of a device wakes a script; " +
			"the script answers with commands, keeps state and writes logs.",
		Example: `# serve, deploy and watch a project while you edit it
tendril dev examples/thermostat

# deploy the project in this folder, and take it back
tendril deploy -m "warmer"
tendril rollback thermostat v1`,
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{message: err.Error(), hint: cmd.CommandPath() + " --help"}
	})
	addServerFlags(root)
	root.AddCommand(
		serveCommand(), devCommand(),
		deployCommand(), versionsCommand(), rollbackCommand(), deploymentsCommand(),
		devicesCommand(), logsCommand(), kvCommand(), sendCommand(),
		tokensCommand(),
		backupCommand(), restoreCommand(), doctorCommand(),
		versionCommand(),
	)
	return root
}
