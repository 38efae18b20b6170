package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/server"
)

// defaultListen is where a server listens that was not told.
const defaultListen = "127.0.0.1:7777"

func serveCommand() *cobra.Command {
	var data, listen string
	cmd := local(&cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server until it is interrupted. The first start of an empty data directory makes an admin token " +
			"and writes it to admin-token in there.",
		Example: `tendril serve
tendril serve --data /var/lib/tendril --listen 0.0.0.0:7777`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			return server.Run(cmd.Context(), server.Config{
				Data:    data,
				Listen:  listen,
				Exe:     exe,
				Log:     operatorLog(cmd.ErrOrStderr(), slog.LevelInfo),
				Version: build().Version,
				Ready:   func(url string) { fmt.Fprintf(out, "listening on %s\n", url) },
			})
		},
	})
	cmd.Flags().StringVar(&data, "data", "tendril-data", "data directory")
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "address to listen on; port 0 takes a free one")
	return cmd
}

// operatorLog is the log of the server itself: lines for a person at a terminal,
// JSON otherwise.
func operatorLog(w io.Writer, least slog.Level) *slog.Logger {
	if isTerminal(w) {
		_, colourless := w.(plain)
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: least, TimeFormat: "15:04:05.000", NoColor: colourless}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least}))
}
