package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

// deviceRow is a device as the command line shows it: its id is the device id.
type deviceRow struct {
	ID        string `json:"id"`
	Script    string `json:"script"`
	Connected bool   `json:"connected"`
	LastSeen  *int64 `json:"last_seen"`
}

// addedDevice and deviceToken show a token for the only time.
type addedDevice struct {
	ID     string `json:"id"`
	Script string `json:"script"`
	Token  string `json:"token"`
	URL    string `json:"url"`
}

type deviceToken struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func devicesCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "devices",
		Short: "Add, list and remove devices and their tokens",
		Example: `tendril devices add kitchen --script thermostat
tendril devices list
tendril devices token kitchen --rotate`,
	})
	cmd.AddCommand(devicesAddCommand(), devicesListCommand(), devicesTokenCommand(), devicesRemoveCommand())
	return cmd
}

func devicesAddCommand() *cobra.Command {
	var script string
	cmd := &cobra.Command{
		Use:     "add DEVICE",
		Short:   "Make a device and its first token, which is shown this once",
		Example: "tendril devices add kitchen --script thermostat",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			if script == "" {
				return usageError{message: "which script is the device to run?", hint: "tendril devices add " + args[0] + " --script SCRIPT"}
			}
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			t.name(o)
			made, err := t.CreateDevice(ctx, t.project, api.NewDevice{DeviceID: args[0], Script: script})
			if err != nil {
				return t.failed(ctx, "add "+args[0], err)
			}
			if made.Warning != "" {
				warning(o.err, "%s", made.Warning)
			}
			if o.json {
				return writeJSON(o.out, addedDevice{ID: made.DeviceID, Script: made.Script, Token: made.Token, URL: made.URL})
			}
			writeTable(o.out, []string{"DEVICE", "TOKEN (shown once)", "URL"}, [][]string{{made.DeviceID, made.Token, made.URL}})
			return nil
		},
	}
	cmd.Flags().StringVar(&script, "script", "", "script that the device runs")
	return cmd
}

func devicesListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the devices of the project",
		Example: "tendril devices list --json",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			found, err := t.devices(ctx)
			if err != nil {
				return t.failed(ctx, "devices", err)
			}
			rows := make([]deviceRow, len(found))
			for i, d := range found {
				rows[i] = deviceRow{ID: d.DeviceID, Script: d.Script, Connected: d.Connected, LastSeen: d.LastSeen}
			}
			return list(o, rows, []string{"DEVICE", "SCRIPT", "CONNECTED", "LAST SEEN"}, func(d deviceRow) []string {
				connected, seen := "no", "never"
				if d.Connected {
					connected = newStyles().good.Render("yes")
				}
				if d.LastSeen != nil {
					seen = moment(*d.LastSeen)
				}
				return []string{d.ID, d.Script, connected, seen}
			})
		},
	}
}

func devicesTokenCommand() *cobra.Command {
	var rotate bool
	cmd := &cobra.Command{
		Use:   "token DEVICE",
		Short: "Make a token for a device, which is shown this once",
		Long: "Make the first token of a device that has none. With --rotate, make a further one: " +
			"the one before it stays valid until the next rotation, so that the device can change over.",
		Example: "tendril devices token kitchen --rotate",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			t.name(o)
			made, err := t.IssueToken(ctx, t.project, args[0], rotate)
			if err != nil {
				return t.failed(ctx, "token of "+args[0], err)
			}
			if o.json {
				return writeJSON(o.out, deviceToken{ID: cmp.Or(made.DeviceID, args[0]), Token: made.Token})
			}
			fmt.Fprintln(o.out, made.Token)
			return nil
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make a new token although there is one")
	return cmd
}
