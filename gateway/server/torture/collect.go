package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/runtime"
)

// readers ask for what the server has kept at once.
const readers = 8

// pageSize is the most that a page holds.
const pageSize = 1000

// Conclude ends the run: the devices come to an end, the server is asked for what
// it has kept and drained, and the judge says what it makes of it. The server
// must be running.
func (o *Ordeal) Conclude(ctx context.Context) (*Report, error) {
	o.fault("the faults are over")
	settled, cancel := context.WithTimeout(ctx, o.plan.Settle)
	defer cancel()
	findings := o.Settle(settled)
	ledgers, flips, err := o.ledgers()
	if err != nil {
		return nil, err
	}
	if err := o.collect(ctx, ledgers); err != nil {
		o.crash(err)
	} else if took, err := o.Terminate(); err != nil || took > drainTime {
		o.crash(fmt.Errorf("last drain took %v: %w", took, err))
	}
	for _, d := range o.devices {
		findings = append(findings, ledgers[d.name].judge(flips)...)
	}
	for _, text := range o.crashes {
		findings = append(findings, Finding{Kind: Crashed, Text: text})
	}
	return o.report(ledgers, findings), nil
}

// ledgers reads the history.
func (o *Ordeal) ledgers() (map[string]*ledger, []flip, error) {
	if err := o.history.flush(); err != nil {
		return nil, nil, err
	}
	ledgers := make(map[string]*ledger, len(o.devices))
	for _, d := range o.devices {
		ledgers[d.name] = newLedger(d.name)
	}
	// The first deployment was answered before the history has anything to say.
	flips := []flip{{version: 1}}
	err := readHistory(filepath.Join(o.plan.Dir, "history.jsonl"), func(e *Entry) {
		switch l := ledgers[e.Device]; {
		case l != nil:
			l.enter(e)
		case e.What == Flipped:
			flips = addFlip(flips, e)
		}
	})
	return ledgers, flips, err
}

// collect asks the server for what it has kept of every device.
func (o *Ordeal) collect(ctx context.Context, ledgers map[string]*ledger) error {
	client, _ := o.site.now()
	if client == nil {
		return errors.New("the server is down")
	}
	errs := make([]error, readers)
	var all sync.WaitGroup
	for k := range readers {
		all.Go(func() {
			for i := k; i < len(o.devices) && errs[k] == nil; i += readers {
				l := ledgers[o.devices[i].name]
				errs[k] = errors.Join(l.readState(ctx, client), l.readLog(ctx, client))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// readState reads a device's KV.
func (l *ledger) readState(ctx context.Context, client *api.Client) error {
	q := api.PairQuery{Limit: pageSize}
	for {
		page, err := client.Pairs(ctx, project, l.device, q)
		if err != nil {
			return fmt.Errorf("read state of %s: %w", l.device, err)
		}
		for _, p := range page.Items {
			var block string
			switch {
			case p.Key == "state":
				err = json.Unmarshal(p.Value, &l.state)
			case strings.HasPrefix(p.Key, "b"):
				err = json.Unmarshal(p.Value, &block)
				l.keep(block)
			}
			if err != nil {
				return fmt.Errorf("read state of %s: key %s: %w", l.device, p.Key, err)
			}
		}
		if page.Cursor == nil {
			return nil
		}
		q.Cursor = *page.Cursor
	}
}

// readLog reads the errors of a device's log.
func (l *ledger) readLog(ctx context.Context, client *api.Client) error {
	q := api.LogQuery{Limit: pageSize, Since: 1, Level: runtime.Error}
	for {
		page, err := client.Logs(ctx, project, l.device, q)
		if err != nil {
			return fmt.Errorf("read log of %s: %w", l.device, err)
		}
		for _, row := range page.Items {
			if row.Error != nil {
				l.errors[row.Event.ID] = append(l.errors[row.Event.ID], row.Error.Name)
			}
		}
		if len(page.Items) == 0 {
			return nil
		}
		q = api.LogQuery{Limit: pageSize, Cursor: page.Cursor, Level: runtime.Error}
	}
}
