package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// How often a follower asks: after rows came, and at most when none do or the
// server does not answer.
const (
	followSoon   = 250 * time.Millisecond
	followLate   = time.Second
	followAbsent = 2 * time.Second
)

// follower shows the rows of a device's log as they come. It asks for what is
// behind its cursor, so that no row is lost or shown twice, also over a restart
// of the server.
type follower struct {
	device string
	cursor string
	level  runtime.Level
	show   func(logs.Row) error
	note   func(format string, args ...any)
	find   func() (target, error) // finds the server again, which may have moved
}

// follow goes on until ctx ends, which is no error, or the server refuses.
func (f *follower) follow(ctx context.Context, t target) error {
	wait, absent := followSoon, false
	for sleep(ctx, wait) {
		shown, err := f.step(ctx, t)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if absent {
				f.note("connected again")
			}
			absent = false
			if shown > 0 {
				wait = followSoon
			} else {
				wait = min(wait*5/4, followLate)
			}
		case gone(err):
			if !absent {
				f.note("%v; trying again", t.failed(ctx, "logs of "+f.device, err))
			}
			absent, wait = true, min(max(wait, followSoon)*2, followAbsent)
			if again, err := f.find(); err == nil {
				t = again
			}
		default:
			return t.failed(ctx, "logs of "+f.device, err)
		}
	}
	return nil
}

// step shows the rows there are.
func (f *follower) step(ctx context.Context, t target) (shown int, err error) {
	for {
		page, err := t.Logs(ctx, t.project, f.device, api.LogQuery{Cursor: f.cursor, Level: f.level, Limit: logs.MaxLimit})
		if err != nil {
			return shown, err
		}
		for _, row := range page.Items {
			if err := f.show(row); err != nil {
				return shown, outputError{err}
			}
		}
		shown += len(page.Items)
		f.cursor = page.Cursor
		if len(page.Items) < logs.MaxLimit {
			return shown, nil
		}
	}
}

// outputError says that the reader of the output went away.
type outputError struct{ error }

func (e outputError) Unwrap() error { return e.error }

// gone says that a server did not answer, or not now.
func gone(err error) bool {
	if errors.As(err, new(outputError)) {
		return false
	}
	var answer *api.Error
	if !errors.As(err, &answer) {
		return true
	}
	return answer.Status == http.StatusTooManyRequests || answer.Status >= 500
}

// sleep waits, and is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
