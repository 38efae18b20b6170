package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

func kvCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "kv",
		Short: "Read the key-value state of a device",
		Example: `tendril kv list kitchen --prefix fan/
tendril kv get kitchen last`,
	})
	cmd.AddCommand(kvGetCommand(), kvListCommand())
	return cmd
}

func kvGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "get DEVICE KEY",
		Short:   "Print the JSON value of a key",
		Example: "tendril kv get kitchen last",
		Args:    arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			pair, err := t.Pair(ctx, t.project, args[0], args[1])
			if err != nil {
				return t.failed(ctx, fmt.Sprintf("kv get %s %s", args[0], args[1]), err)
			}
			if o.json {
				return writeJSON(o.out, pair)
			}
			fmt.Fprintln(o.out, printable(string(pair.Value)))
			return nil
		},
	}
}

func kvListCommand() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:     "list DEVICE",
		Short:   "List keys and values, in byte order of the key",
		Example: "tendril kv list kitchen --prefix fan/",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			var rows []api.Pair
			q := api.PairQuery{Prefix: prefix, Limit: 1000}
			for {
				page, err := t.Pairs(ctx, t.project, args[0], q)
				if err != nil {
					return t.failed(ctx, "kv list "+args[0], err)
				}
				rows = append(rows, page.Items...)
				if page.Cursor == nil || len(page.Items) == 0 {
					break
				}
				q.Cursor = *page.Cursor
			}
			return list(o, rows, []string{"KEY", "VALUE"}, func(p api.Pair) []string {
				return []string{oneLine(p.Key), printable(string(p.Value))}
			})
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only keys that begin with this")
	return cmd
}
