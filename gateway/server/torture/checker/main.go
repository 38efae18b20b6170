// Command checker tries a server for some minutes and prints the verdict:
//
//	checker MINUTES SEED COMMAND…
//
// The command serves; its argument "{data}" stands for the data directory. It
// ends with 1 if anything was found, and leaves the history and the server's log
// behind then.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/tendril-run/tendril/gateway/server/torture"
)

// devices that are under way at once.
const devices = 48

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "checker:", err)
		os.Exit(1)
	}
}

func check(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("say minutes, a seed and the command that serves")
	}
	minutes, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return fmt.Errorf("minutes: %w", err)
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	dir, err := os.MkdirTemp("", "tendril-torture-")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("torture: %d devices, %v minutes, seed %d, in %s\n", devices, minutes, seed, dir)
	report, err := torture.Run(ctx, torture.Plan{
		Server: args[2:], Dir: dir, Devices: devices, Seed: seed, Long: true,
		Time: time.Duration(minutes * float64(time.Minute)),
	})
	if err != nil {
		return fmt.Errorf("%w (see %s)", err, dir)
	}
	fmt.Print(report)
	if !report.Good() {
		return fmt.Errorf("the server broke a promise: history and log are in %s", dir)
	}
	return os.RemoveAll(dir)
}
