package cli

import (
	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

func versionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "versions SCRIPT",
		Short: "List the versions of a script",
		Long:  "List the versions of a script, newest first. The active one is what its devices run.",
		Example: `tendril versions thermostat
tendril versions thermostat --json`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			rows, err := all(func(page, perPage int) (api.Page[api.Version], error) {
				return t.Versions(ctx, t.project, args[0], page, perPage)
			})
			if err != nil {
				return t.failed(ctx, "versions "+args[0], err)
			}
			header := []string{"VERSION", "ACTIVE", "CREATED", "SIZE", "AUTHOR", "MESSAGE"}
			return list(o, rows, header, func(v api.Version) []string {
				active := ""
				if v.Active {
					active = newStyles().good.Render("active")
				}
				return []string{number(v.Version), active, moment(v.CreatedAt), size(v.Size), printable(v.Author), oneLine(v.Message)}
			})
		},
	}
}
