package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

// maxCommand is the most that is read of a command from standard input; what the
// server takes is less.
const maxCommand = 1 << 20

func sendCommand() *cobra.Command {
	var (
		ttl duration
		key string
	)
	cmd := &cobra.Command{
		Use:   "send DEVICE JSON",
		Short: "Send a command to a device",
		Long: "Send a command to a device: a JSON object with a \"type\". A device that is offline gets it when it connects. " +
			"With - in place of the JSON, it is read from standard input.",
		Example: `tendril send kitchen '{"type":"fan","on":true}'
tendril send kitchen '{"type":"setpoint","celsius":21}' --key setpoint --ttl 1h`,
		Args: arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			text := []byte(args[1])
			if args[1] == "-" {
				var err error
				if text, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxCommand)); err != nil {
					return fmt.Errorf("read command: %w", err)
				}
			}
			// Only that it is one JSON value is checked here; the server judges the rest
			// of the text as it was typed.
			if !json.Valid(text) {
				return problem{Code: "bad_json", Message: "the command is not valid JSON", Hint: `a command is written like '{"type":"fan","on":true}'`}
			}
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			t.name(o)
			sent, err := t.Send(ctx, t.project, args[0], api.NewCommand{Command: text, TTL: time.Duration(ttl), Key: key})
			if err != nil {
				return t.failed(ctx, "send to "+args[0], err)
			}
			if o.json {
				return writeJSON(o.out, sent)
			}
			fmt.Fprintf(o.out, "%s  %s\n", sent.ID, sent.State)
			return nil
		},
	}
	cmd.Flags().Var(&ttl, "ttl", "how long it may wait for the device (default 1h, at most 7d)")
	cmd.Flags().StringVar(&key, "key", "", "replaces an older waiting command of the same key")
	return cmd
}
