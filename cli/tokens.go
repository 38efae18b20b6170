package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/auth"
)

// tokenRow is an API token as the command line lists it. Project nil is all
// projects of the owner, ExpiresAt nil never.
type tokenRow struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Scopes    []auth.Scope `json:"scopes"`
	Project   *string      `json:"project"`
	CreatedAt int64        `json:"created_at"`
	ExpiresAt *int64       `json:"expires_at"`
}

// addedToken shows a token for the only time.
type addedToken struct {
	tokenRow
	Token string `json:"token"`
}

// removedToken is the result of a removal.
type removedToken struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
}

func tokensCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "tokens",
		Short: "Add, list and remove API tokens",
		Long: "API tokens are for people and programs; a device has one of its own kind (`tendril devices token`). " +
			"The scopes are read, deploy (and read), admin (all of these), and connect, which lets a token open the sockets of devices and is never implied.",
		Example: `tendril tokens add ci --scope deploy --project home --expires 90d
tendril tokens list
tendril tokens remove 7qk3…`,
	})
	cmd.AddCommand(tokensAddCommand(), tokensListCommand(), tokensRemoveCommand())
	return cmd
}

func tokensAddCommand() *cobra.Command {
	var (
		scopes  []string
		expires duration
	)
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Make a token, which is shown this once",
		Long:    "Make a token for all projects or, with --project, for one. Its name becomes the author of what it deploys.",
		Example: "tendril tokens add ci --scope deploy --project home --expires 90d",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			if len(scopes) == 0 {
				return usageError{message: "what may the token do?", hint: "tendril tokens add " + args[0] + " --scope read"}
			}
			t, err := findServer(cmd)
			if err != nil {
				return err
			}
			asked := api.NewToken{Name: args[0], Scopes: scopes}
			if cmd.Flags().Changed("project") {
				asked.Project = &t.project
			}
			if expires != 0 {
				at := time.Now().Add(time.Duration(expires)).UnixMilli()
				asked.ExpiresAt = &at
			}
			made, err := t.CreateToken(ctx, asked)
			if err != nil {
				return t.failed(ctx, "add "+args[0], err)
			}
			if o.json {
				return writeJSON(o.out, addedToken{tokenRow(made.Token), made.Secret})
			}
			o.note("%s, %s, %s", strings.Join(scopes, ", "), projectOf(tokenRow(made.Token)), expiryOf(tokenRow(made.Token)))
			fmt.Fprintln(o.out, made.Secret)
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: read, deploy, admin, connect; repeatable")
	cmd.Flags().Var(&expires, "expires", "how long it is valid, such as 90d (default for ever)")
	return cmd
}

func tokensListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tokens, the newest first",
		Example: "tendril tokens list --json",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findServer(cmd)
			if err != nil {
				return err
			}
			found, err := all(func(page, perPage int) (api.Page[api.Token], error) { return t.Tokens(ctx, page, perPage) })
			if err != nil {
				return t.failed(ctx, "tokens", err)
			}
			rows := make([]tokenRow, len(found))
			for i, token := range found {
				rows[i] = tokenRow(token)
			}
			return list(o, rows, []string{"ID", "NAME", "SCOPES", "PROJECT", "EXPIRES"}, func(r tokenRow) []string {
				words := make([]string, len(r.Scopes))
				for i, scope := range r.Scopes {
					words[i] = string(scope)
				}
				return []string{r.ID, oneLine(r.Name), strings.Join(words, ","), projectOf(r), expiryOf(r)}
			})
		},
	}
}

func tokensRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "remove ID",
		Short:   "End a token and the connections it let in",
		Example: "tendril tokens remove 7qk3… --yes",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findServer(cmd)
			if err != nil {
				return err
			}
			if strings.HasPrefix(args[0], string(auth.APIToken)) {
				return usageError{message: "a token is removed by its id, not by its text", hint: "tendril tokens list"}
			}
			if !yes {
				if err := confirm(cmd, o, "end the token "+args[0]+"?"); err != nil {
					return err
				}
			}
			if err := t.RemoveToken(ctx, args[0]); err != nil {
				return t.failed(ctx, "remove "+args[0], err)
			}
			if o.json {
				return writeJSON(o.out, removedToken{ID: args[0], Removed: true})
			}
			fmt.Fprintf(o.out, "%s removed\n", args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func projectOf(r tokenRow) string {
	if r.Project == nil {
		return "all projects"
	}
	return *r.Project
}

func expiryOf(r tokenRow) string {
	if r.ExpiresAt == nil {
		return "never expires"
	}
	return "until " + moment(*r.ExpiresAt)
}

// findServer finds the server of a verb that needs no project.
func findServer(cmd *cobra.Command) (target, error) {
	s := readSettings(cmd, ".")
	root := ""
	p, err := findProject(s.dir)
	switch {
	case err == nil:
		root = p.Root
	case !errors.Is(err, errNoProject):
		return target{}, err
	}
	return s.target(root)
}
