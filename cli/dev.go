package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/server"
)

func devCommand() *cobra.Command {
	var (
		once   bool
		listen string
	)
	cmd := local(&cobra.Command{
		Use:   "dev [DIR]",
		Short: "Serve, deploy and watch a project while you edit it",
		Long: "Serve the project in this folder (or DIR) from a .tendril data directory in it, deploy it, and deploy it again " +
			"whenever a source is saved. A simulated device plays device.jsonl when there is one; otherwise the devices of the " +
			"project file are made, and a URL and a token are printed for each. Messages, commands and log lines are shown as they happen.",
		Example: `tendril dev examples/thermostat

# play device.jsonl against a fresh server, compare, and end
tendril dev --once examples/thermostat`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := findProject(append(args, ".")[0])
			if errors.Is(err, errNoProject) {
				return problem{Code: "no_project", Message: err.Error(), Hint: "name a project's folder, such as examples/thermostat"}
			}
			if err != nil {
				return err
			}
			acts, err := readTranscript(p)
			if err != nil {
				return err
			}
			c, err := newCompiler()
			if err != nil {
				return err
			}
			d := dev{project: p, acts: acts, compiler: c, output: newOutput(cmd), errors: cmd.ErrOrStderr()}
			if once {
				return d.once(cmd.Context(), listen)
			}
			return d.loop(cmd.Context(), cmp.Or(listen, defaultListen))
		},
	})
	cmd.Flags().BoolVar(&once, "once", false, "play device.jsonl against a fresh server, compare, and end with 0 or 1")
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on (default "+defaultListen+", with --once a free port)")
	return cmd
}

// dev is a development loop.
type dev struct {
	project  project
	acts     []act
	compiler compiler
	output   output
	errors   io.Writer // where the server logs
	fresh    bool      // the server's data is new and ends with the loop
	feed     *feed
	target   target
	broken   bool     // what was saved last does not deploy
	invited  []string // devices that were told how to connect
	server   *ownServer
}

// serve starts the loop's own server and finds its credential.
func (d *dev) serve(ctx context.Context, data, listen string, least slog.Level) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	shared := private(listen)
	d.server, err = startServer(ctx, server.Config{
		Data: data, Listen: listen, Exe: exe, Version: build().Version, Log: operatorLog(d.errors, least),
		Edge: server.Edge{Insecure: shared},
	})
	if err != nil {
		return exposed(err, "listen on a private address, or use `tendril serve` with --tls-cert and --tls-key")
	}
	if shared {
		d.warnExposed(listen)
	}
	s := settings{url: d.server.url, tokenFile: filepath.Join(data, "admin-token"), project: d.project.Name}
	d.target, err = s.target("")
	return err
}

func (d *dev) deploy(ctx context.Context) (deployed, error) {
	return deploy{project: d.project, compiler: d.compiler}.run(ctx, d.target)
}

// ownServer is a server in this process.
type ownServer struct {
	url    string
	cancel context.CancelFunc
	done   chan struct{} // closed when the server ended
	err    error         // set before
}

// startServer runs a server until stop and waits until it is ready. Not ctx ends
// it, which only bounds the start: devices are to leave first.
func startServer(ctx context.Context, c server.Config) (*ownServer, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &ownServer{cancel: cancel, done: make(chan struct{})}
	ready := make(chan string, 1)
	c.Ready = func(url string) { ready <- url }
	go func() {
		defer close(s.done)
		s.err = server.Run(running, c)
	}()
	select {
	case s.url = <-ready:
		return s, nil
	case <-s.done:
		cancel()
		return nil, cmp.Or(s.err, errors.New("the server ended at once"))
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.stop())
	}
}

// stop ends the server and waits for it.
func (s *ownServer) stop() error {
	s.cancel()
	<-s.done
	return s.err
}

// once plays the transcript against a fresh server.
func (d *dev) once(ctx context.Context, listen string) (err error) {
	d.fresh = true
	data, err := os.MkdirTemp("", "tendril-once-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	if err := d.serve(ctx, data, cmp.Or(listen, "127.0.0.1:0"), slog.LevelError); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.server.stop()) }()
	done, err := d.deploy(ctx)
	if err != nil {
		return err
	}
	if len(d.acts) == 0 {
		if d.output.json {
			return writeJSON(d.output.out, played{Scripts: len(done.Scripts)})
		}
		fmt.Fprintf(d.output.out, "ok  %d scripts deployed; there is no %s to play\n", len(done.Scripts), transcriptFile)
		return nil
	}
	return d.rehearse(ctx, len(done.Scripts))
}
