package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/tendril-run/tendril/gateway/server"
	"github.com/tendril-run/tendril/runtime/worker"
	"github.com/tendril-run/tendril/versions/bundle"
)

// TestMain lets the test binary act as the children of the real one, and as the
// server itself where a test kills it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "worker":
			os.Exit(worker.Main(os.Stdin, os.Stdout))
		case "compile":
			os.Exit(bundle.Main(os.Stdin, os.Stdout))
		case "serve":
			os.Exit(serve(os.Args[2], os.Args[3:]...))
		case "torture":
			os.Exit(check(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// serve runs a server on a data directory until SIGTERM, with the faults that
// are named planted in it.
func serve(data string, faults ...string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go tellVitals(os.Stdin, os.Stdout) // until the test that started us ends
	c := server.Config{
		Data:   data,
		Listen: "127.0.0.1:0",
		Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Ready:  func(url string) { fmt.Println("listening on " + url) },
	}
	for _, fault := range faults {
		plant(&c, fault)
	}
	setLimits(&c.Limits)
	if err := server.Run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}
