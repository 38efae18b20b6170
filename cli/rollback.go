package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

// rolledBack is the result of a rollback. Deployment is nil when the version was
// the active one already.
type rolledBack struct {
	Script     string  `json:"script"`
	From       *int    `json:"from"`
	To         int     `json:"to"`
	Deployment *string `json:"deployment"`
}

func rollbackCommand() *cobra.Command {
	var message string
	cmd := &cobra.Command{
		Use:   "rollback SCRIPT VERSION",
		Short: "Make a version active again that was active before",
		Long: "Make a version of a script active again that was active before, lower or higher in number. " +
			"Nothing is compiled and no device reconnects; each runs its next event on that version. " +
			"The history gets one more entry. Key-value state is not rolled back.",
		Example: `tendril rollback thermostat v12
tendril rollback thermostat v12 -m "too many fan commands"`,
		Args: arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			script := args[0]
			to, err := parseVersion(args[1])
			if err != nil {
				return err
			}
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			t.name(o)
			made, err := t.Deploy(ctx, t.project, api.NewDeployment{
				Kind: versions.Rollback, Scripts: map[string]int{script: to}, Message: message,
			})
			if err != nil {
				return t.failed(ctx, fmt.Sprintf("rollback %s to %s", script, number(to)), err)
			}
			r := rolledBack{Script: script, From: &to, To: to}
			if len(made.Deployments) > 0 {
				r.From, r.Deployment = made.Deployments[0].From, &made.Deployments[0].ID
			}
			if o.json {
				return writeJSON(o.out, r)
			}
			fmt.Fprintf(o.out, "%s  %s\n", script, step(r.From, r.To))
			return nil
		},
	}
	cmd.Flags().StringVarP(&message, "message", "m", "", "why, for the history")
	return cmd
}

// parseVersion reads 13 and v13.
func parseVersion(s string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "v"), 10, 31)
	if err != nil || n == 0 {
		return 0, usageError{message: fmt.Sprintf("invalid version %q", s), hint: "versions are named like v13"}
	}
	return int(n), nil
}
