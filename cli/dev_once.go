package cli

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// played is the result of dev --once. Failed counts messages whose handler
// failed, which a transcript may mean to happen.
type played struct {
	Scripts int     `json:"scripts"`
	Lines   int     `json:"lines"`
	Failed  int     `json:"failed"`
	MS      float64 `json:"ms"`
}

// rehearse plays the transcript in silence. What happened is told only when
// something went wrong.
func (d *dev) rehearse(ctx context.Context, scripts int) error {
	var story bytes.Buffer
	d.feed = newFeed(&story, d.project)
	logs := newLogWatch(d.target, d.project, d.feed)
	p, err := d.cast(ctx)
	if err != nil {
		return err
	}
	started := time.Now()
	err = p.play(ctx)
	took := time.Since(started)
	failed := p.leave()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || failed > 0 {
		logs.last(ctx)
		if !d.output.json {
			_, _ = d.output.err.Write(story.Bytes())
		}
	}
	if err != nil {
		return err
	}
	if d.output.json {
		return writeJSON(d.output.out, played{Scripts: scripts, Lines: len(d.acts), Failed: failed, MS: millis(took)})
	}
	if failed > 0 {
		warning(d.output.err, "handlers failed on %d messages", failed)
	}
	fmt.Fprintf(d.output.out, "ok  %d lines of %s played in %.0f ms\n", len(d.acts), transcriptFile, millis(took))
	return nil
}
