package cli

import (
	"context"
	"slices"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

// How often the loop asks for log rows, and every how many times for the
// devices. The server shows a row up to 200 ms after it was written.
const (
	lookEvery    = 100 * time.Millisecond
	devicesEvery = 5
	showsAfter   = 300 * time.Millisecond
)

// logWatch shows the log rows of a project's devices as they come, and which
// devices come and go that the loop does not play itself.
type logWatch struct {
	target    target
	feed      *feed
	followers []*follower
	online    map[string]bool
	played    map[string]bool
}

func newLogWatch(t target, p project, f *feed) *logWatch {
	w := &logWatch{target: t, feed: f, online: map[string]bool{}, played: map[string]bool{}}
	for _, d := range p.Devices {
		w.follow(d.Device)
	}
	return w
}

// follow adds a device, unless it is there.
func (w *logWatch) follow(device string) {
	if !slices.ContainsFunc(w.followers, func(f *follower) bool { return f.device == device }) {
		w.followers = append(w.followers, &follower{device: device, show: w.feed.row})
	}
}

// skip passes over the rows of earlier loops.
func (w *logWatch) skip(ctx context.Context) error {
	found, err := w.target.devices(ctx)
	if err != nil {
		return w.target.failed(ctx, "devices", err)
	}
	for _, d := range found {
		w.follow(d.DeviceID)
	}
	for _, f := range w.followers {
		page, err := w.target.Logs(ctx, w.target.project, f.device, api.LogQuery{Limit: 1})
		if err != nil {
			return w.target.failed(ctx, "logs of "+f.device, err)
		}
		f.cursor = page.Cursor
	}
	return nil
}

// run shows what comes until ctx ends.
func (w *logWatch) run(ctx context.Context) {
	for n := 0; sleep(ctx, lookEvery); n++ {
		w.look(ctx)
		if n%devicesEvery == 0 {
			w.presence(ctx)
		}
	}
}

// look shows the rows there are. Errors of a loop's own server are of no
// interest: the next look asks again.
func (w *logWatch) look(ctx context.Context) {
	for _, f := range w.followers {
		_, _ = f.step(ctx, w.target)
	}
}

// last shows the rows that events of just now left.
func (w *logWatch) last(ctx context.Context) {
	sleep(ctx, showsAfter)
	w.look(ctx)
}

// presence shows which devices came and went, and follows new ones.
func (w *logWatch) presence(ctx context.Context) {
	found, err := w.target.devices(ctx)
	if err != nil {
		return
	}
	for _, d := range found {
		w.follow(d.DeviceID)
		if w.played[d.DeviceID] {
			continue
		}
		before := w.online[d.DeviceID]
		w.online[d.DeviceID] = d.Connected
		switch {
		case d.Connected && !before:
			w.feed.event(d.DeviceID, "connected")
		case !d.Connected && before:
			w.feed.event(d.DeviceID, "disconnected")
		}
	}
}
