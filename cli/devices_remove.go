package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
)

// removedDevice is the result of a removal.
type removedDevice struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
}

func devicesRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "remove DEVICE",
		Short: "Delete a device and everything it has",
		Long: "Delete a device: its connection is closed, its tokens open nothing any more, and its key-value state, " +
			"waiting commands and message ids are gone.",
		Example: "tendril devices remove kitchen --yes",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			t.name(o)
			if !yes {
				if err := confirm(cmd, o, fmt.Sprintf("delete %s with its tokens, key-value state and waiting commands?", args[0])); err != nil {
					return err
				}
			}
			if err := t.RemoveDevice(ctx, t.project, args[0]); err != nil {
				return t.failed(ctx, "remove "+args[0], err)
			}
			if o.json {
				return writeJSON(o.out, removedDevice{ID: args[0], Removed: true})
			}
			fmt.Fprintf(o.out, "%s removed\n", args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks a person. Where none sits it is wrong usage, for the verb takes
// --yes.
func confirm(cmd *cobra.Command, o output, question string) error {
	if !isTerminal(cmd.InOrStdin()) {
		return usageError{message: "standard input is no terminal to ask: " + question, hint: "--yes does it without asking"}
	}
	fmt.Fprintf(o.err, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return problem{Code: "declined", Message: "nothing was done"}
}

// devices lists all devices of the project, by id.
func (t target) devices(ctx context.Context) ([]api.Device, error) {
	return all(func(page, perPage int) (api.Page[api.Device], error) {
		return t.Devices(ctx, t.project, page, perPage)
	})
}
