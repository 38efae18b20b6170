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

// defaultData is the data directory of a server that was not told.
const defaultData = "tendril-data"

func serveCommand() *cobra.Command {
	var data, listen string
	var edge server.Edge
	cmd := local(&cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server until it is interrupted. The first start of an empty data directory makes an admin token " +
			"and writes it to admin-token in there.",
		Example: `tendril serve
tendril serve --data /var/lib/tendril --listen 0.0.0.0:7777 --tls-cert cert.pem --tls-key key.pem`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			limits, err := configure(cmd)
			if err != nil {
				return err
			}
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			edge.Reload = hangups(cmd.Context())
			err = server.Run(cmd.Context(), server.Config{
				Data:    data,
				Listen:  listen,
				Edge:    edge,
				Exe:     exe,
				Limits:  limits,
				Log:     operatorLog(cmd.ErrOrStderr(), slog.LevelInfo),
				Version: build().Version,
				Ready:   func(url string) { fmt.Fprintf(out, "listening on %s\n", url) },
			})
			return exposed(err, "--tls-cert and --tls-key, or --insecure behind a proxy that has them or on a network you trust")
		},
	})
	cmd.Flags().StringVar(&data, "data", defaultData, "data directory")
	configFlags(cmd)
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "address to listen on; port 0 takes a free one")
	addEdgeFlags(cmd.Flags(), &edge)
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
