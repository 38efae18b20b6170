package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// loop serves and deploys the project until ctx ends, which is no error.
func (d *dev) loop(ctx context.Context, listen string) (err error) {
	if err := writeTypes(d.project.Root); err != nil {
		warning(d.output.err, "%v", err)
	}
	if err := d.serve(ctx, filepath.Join(d.project.Root, ".tendril"), listen, slog.LevelWarn); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	defer func() { err = errors.Join(err, d.server.stop()) }()
	changes, err := watch(ctx, d.project.Root)
	if err != nil {
		return err
	}
	d.feed = newFeed(d.output.out, d.project)
	s := newStyles()
	fmt.Fprintf(d.output.out, "%s  %s  %s\n", s.strong.Render(d.project.Name), s.in.Render(d.server.url),
		s.dim.Render("saving a source deploys it, Ctrl-C ends"))

	var background sync.WaitGroup
	inner, cancel := context.WithCancel(ctx)
	defer background.Wait()
	defer cancel()
	var opened bool
	for {
		if d.update(ctx) {
			if !opened {
				err = d.open(inner, &background)
			} else if len(d.acts) == 0 {
				err = d.invite(ctx)
			}
			opened = true
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.server.done:
			return errors.New("the server ended")
		case <-changes:
			d.reload()
		}
	}
}

// reload reads the project file again; the one before stays when it is wrong.
func (d *dev) reload() {
	p, err := findProject(d.project.Root)
	if err != nil {
		d.feed.problem(err)
		return
	}
	p.Name = d.project.Name // the server and its project stay
	d.project = p
}

// update deploys what is there, and says whether it is live. When it is not, the
// version before stays.
func (d *dev) update(ctx context.Context) bool {
	done, err := d.deploy(ctx)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		d.feed.problem(err)
		d.broken = true
		return false
	case !done.changed():
		if d.broken {
			d.feed.event("", "mended: what is live is what is saved")
		}
		d.broken = false
		return true
	}
	d.broken = false
	for _, s := range done.Scripts {
		if s.Previous == nil || *s.Previous != s.Version {
			d.feed.event("", "deployed %s %s  %s  %.0f ms", s.Script, step(s.Previous, s.Version), size(s.Size), s.MS.Compile+s.MS.Upload+s.MS.Activate)
		}
	}
	return true
}

// open brings the devices up, once there is a live version for them: it plays
// the transcript, or tells how to connect. What it starts ends with ctx.
func (d *dev) open(ctx context.Context, background *sync.WaitGroup) error {
	logs := newLogWatch(d.target, d.project, d.feed)
	if err := logs.skip(ctx); err != nil {
		return err
	}
	defer background.Go(func() { logs.run(ctx) }) // once it knows which devices are played
	if len(d.acts) == 0 {
		return d.invite(ctx)
	}
	p, err := d.cast(ctx)
	if err != nil {
		return err
	}
	for id := range p.devices {
		logs.played[id] = true
	}
	background.Go(func() {
		d.perform(ctx, p)
		<-ctx.Done()
		p.leave()
	})
	return nil
}

// perform plays the transcript before the eyes of the author. The devices stay
// connected behind it.
func (d *dev) perform(ctx context.Context, p *player) {
	started := time.Now()
	err := p.play(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.feed.problem(err)
	default:
		d.feed.event("", "%s: all %d lines as expected, %.0f ms", transcriptFile, len(d.acts), millis(time.Since(started)))
	}
	for _, s := range p.devices {
		s.ignore()
	}
}
