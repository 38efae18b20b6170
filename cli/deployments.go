package cli

import (
	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

func deploymentsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "deployments",
		Short:   "List what was deployed and rolled back, newest first",
		Example: "tendril deployments --json",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			rows, err := all(func(page, perPage int) (api.Page[api.Deployment], error) {
				return t.Deployments(ctx, t.project, page, perPage)
			})
			if err != nil {
				return t.failed(ctx, "deployments", err)
			}
			header := []string{"WHEN", "KIND", "SCRIPT", "VERSION", "AUTHOR", "MESSAGE"}
			return list(o, rows, header, func(d api.Deployment) []string {
				return []string{moment(d.CreatedAt), string(d.Kind), d.Script, step(d.From, d.To), printable(d.Author), oneLine(d.Message)}
			})
		},
	}
}

// step writes a move of a script's pointer.
func step(from *int, to int) string {
	switch {
	case from == nil:
		return number(to)
	case *from == to:
		return number(to) + " (unchanged)"
	}
	return number(*from) + " → " + number(to)
}
