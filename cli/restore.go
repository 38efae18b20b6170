package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/sqlite"
)

func restoreCommand() *cobra.Command {
	var data string
	cmd := local(&cobra.Command{
		Use:   "restore FILE --data DIR",
		Short: "Make a data directory of a backup",
		Long: "Make a data directory of a backup. The directory is missing or empty, and no server runs on it. Stop the server " +
			"that the backup is of: devices belong to the restored directory from now on, and what happened after the backup is gone.",
		Example: "tendril restore /backups/monday.tar --data /var/lib/tendril",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := newOutput(cmd)
			if data == "" {
				return usageError{message: "restore needs --data", hint: cmd.UseLine()}
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			m, err := sqlite.Restore(cmd.Context(), f, data)
			if err != nil {
				return err
			}
			if o.json {
				return writeJSON(o.out, saved{File: args[0], Data: data, Bytes: info.Size(), Manifest: m})
			}
			fmt.Fprintf(o.out, "%s is as %s was at %s\n", printable(data), printable(args[0]), moment(m.Created))
			o.note("tendril serve --data %s (%s ago)", data, time.Since(time.UnixMilli(m.Created)).Round(time.Second))
			return nil
		},
	})
	cmd.Flags().StringVar(&data, "data", "", "data directory to make")
	return cmd
}
