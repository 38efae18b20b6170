package torture

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/versions"
)

// issuers ask for tokens at once.
const issuers = 8

// prepare makes the project, the script's two versions and the devices.
func (o *Ordeal) prepare(ctx context.Context) error {
	client, _ := o.site.now()
	if _, err := client.CreateProject(ctx, project); err != nil {
		return fmt.Errorf("create project: %w", err)
	}
	for i := range o.numbers {
		made, err := client.MakeVersions(ctx, project, api.NewVersions{
			Files:   map[string]string{scriptMain: source(i + 1)},
			Scripts: map[string]api.ScriptSource{scriptName: {Main: scriptMain}},
		})
		if err != nil {
			return fmt.Errorf("make version: %w", err)
		}
		o.numbers[i] = made.Versions[0].Version
	}
	first := api.NewDeployment{
		Kind: versions.Deploy, Scripts: map[string]int{scriptName: o.numbers[0]}, Devices: make(map[string]string),
	}
	for i := range o.plan.Devices {
		first.Devices[deviceName(i)] = scriptName
	}
	if _, err := client.Deploy(ctx, project, first); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	o.devices = make([]*device, o.plan.Devices)
	errs := make([]error, issuers)
	var all sync.WaitGroup
	for k := range issuers {
		all.Go(func() {
			for i := k; i < len(o.devices); i += issuers {
				token, err := client.IssueToken(ctx, project, deviceName(i), true)
				if err != nil {
					errs[k] = fmt.Errorf("issue token: %w", err)
					return
				}
				o.devices[i] = newDevice(o, i, token.Token)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Flip makes the script's other version live, by a deploy or a rollback. What it
// enters tells which version runs from the answer on; nothing is entered where
// that is not known.
func (o *Ordeal) Flip(ctx context.Context) error {
	client, _ := o.site.now()
	if client == nil {
		return errors.New("the server is down")
	}
	other := 1 - o.flipped
	d := api.NewDeployment{Kind: versions.Deploy, Scripts: map[string]int{scriptName: o.numbers[other]}}
	if other == 0 {
		d.Kind = versions.Rollback
	}
	o.history.Add(Entry{What: Flipped, Status: "asked", Begun: time.Now().UnixMilli()})
	begun := time.Now().UnixMilli()
	_, err := client.Deploy(ctx, project, d)
	if err != nil {
		return err
	}
	o.flipped = other
	o.tally.flips.Add(1)
	o.history.Add(Entry{What: Flipped, Status: "answered", Version: other + 1, Begun: begun, Ended: time.Now().UnixMilli()})
	return nil
}
