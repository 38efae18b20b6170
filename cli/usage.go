package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that means nothing; it exits 2.
type usageError struct{ message, hint string }

func (e usageError) Error() string { return e.message }

// group makes a command that only has verbs below it: alone it shows its help,
// with a word that is no verb it is wrong usage.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		e := usageError{
			message: fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath()),
			hint:    cmd.CommandPath() + " --help",
		}
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			e.hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return e
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// arguments checks the number of arguments.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usageError{
			message: fmt.Sprintf("wrong number of arguments: %d", len(args)),
			hint:    cmd.UseLine(),
		}
	}
}

// serverFlags are the flags that choose a server; verbs that are the server
// refuse them.
var serverFlags = [...]string{"url", "token-file", "project"}

func addServerFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.String("url", "", "server to talk to (TENDRIL_URL; else the local one)")
	f.String("token-file", "", "file that holds the API token (TENDRIL_TOKEN)")
	f.String("project", "", "project (TENDRIL_PROJECT; else that of tendril.jsonc)")
	f.Bool("json", false, "print JSON, for programs")
}

// local marks a command that talks to no server: it neither shows nor takes the
// flags that choose one.
func local(cmd *cobra.Command) *cobra.Command {
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		for _, name := range serverFlags {
			if f := c.InheritedFlags().Lookup(name); f != nil {
				f.Hidden = true
			}
		}
		c.Root().HelpFunc()(c, args)
	})
	cmd.PreRunE = func(c *cobra.Command, _ []string) error {
		for _, name := range serverFlags {
			if f := c.Flags().Lookup(name); f != nil && f.Changed {
				return usageError{message: c.CommandPath() + " does not take --" + name, hint: c.CommandPath() + " --help"}
			}
		}
		return nil
	}
	return cmd
}
