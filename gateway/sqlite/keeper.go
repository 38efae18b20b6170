package sqlite

import (
	"context"
	"errors"
	"time"
)

// How often the keeper does what.
const (
	presenceEvery = time.Second
	expiryEvery   = time.Minute
	retainEvery   = 10 * time.Minute
)

// keep starts the goroutine of the recurring duties. Close stops it and waits.
func (d *DB) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	d.stopKeeper = cancel
	d.keeper.Go(func() {
		presence, expiry, retain := time.NewTicker(presenceEvery), time.NewTicker(expiryEvery), time.NewTicker(retainEvery)
		probe := time.NewTicker(probeEvery)
		defer probe.Stop()
		defer presence.Stop()
		defer expiry.Stop()
		defer retain.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-probe.C:
				d.probe()
			case <-presence.C:
				d.report("write presence", d.flushPresence())
			case <-expiry.C:
				d.report("delete expired keys", d.ExpireKV(ctx))
			case <-retain.C:
				d.report("retire logs", d.Retain(ctx))
			}
		}
	})
}

func (d *DB) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && d.health.last() == nil { // else that is told already
		d.opts.Logger.Error("database: "+what, "error", err)
	}
}
