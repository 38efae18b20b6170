package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/tendril-run/tendril/gateway"
	"github.com/tendril-run/tendril/gateway/ws"
)

// connectURL is where a device of a server connects.
func connectURL(server string) string { return "ws" + server[len("http"):] + "/v1/connect" }

// connector connects a device to a server.
func connector(server, token string) func(context.Context) (gateway.Conn, error) {
	return func(ctx context.Context) (gateway.Conn, error) {
		return ws.Dial(ctx, connectURL(server), ws.DialOptions{Token: token, Subprotocols: []string{"tendril.v1.json"}})
	}
}

// cast makes the simulated devices of the transcript.
func (d *dev) cast(ctx context.Context) (*player, error) {
	p := &player{acts: d.acts, devices: map[string]*simulator{}, limit: patience}
	run := "sim-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	for _, id := range devicesOf(d.acts) {
		token, err := d.token(ctx, id)
		if err != nil {
			return nil, err
		}
		s := newSimulator(id, run, connector(d.server.url, token))
		s.said, s.heard, s.event = d.feed.said, d.feed.heard, d.feed.event
		p.devices[id] = s
	}
	return p, nil
}

// invite prints how each device of the project file connects, once.
func (d *dev) invite(ctx context.Context) error {
	var rows [][]string
	for _, device := range d.project.Devices {
		if slices.Contains(d.invited, device.Device) {
			continue
		}
		d.invited = append(d.invited, device.Device)
		token, err := d.token(ctx, device.Device)
		if err != nil {
			return err
		}
		rows = append(rows, []string{device.Device, device.Script, connectURL(d.server.url), token})
	}
	if len(d.project.Devices) == 0 {
		d.feed.event("", "no devices in %s; `tendril devices add` makes one", projectFile)
		return nil
	}
	d.feed.table([]string{"DEVICE", "SCRIPT", "URL", "TOKEN"}, rows)
	return nil
}

// token finds a device's token. A server tells a token only once, so those that
// the loop was told are kept in its data directory: a board that was given one
// keeps it from one loop to the next.
func (d *dev) token(ctx context.Context, device string) (string, error) {
	file := filepath.Join(d.project.Root, ".tendril", "device-tokens.json")
	if d.fresh {
		made, err := d.target.IssueToken(ctx, d.target.project, device, false)
		return made.Token, d.target.failed(ctx, "token of "+device, err)
	}
	kept := map[string]string{}
	text, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(text, &kept) != nil {
		clear(kept)
	}
	if token := kept[device]; token != "" && d.opens(ctx, token) {
		return token, nil
	}
	made, err := d.target.IssueToken(ctx, d.target.project, device, false)
	if code(err) == "token_exists" {
		made, err = d.target.IssueToken(ctx, d.target.project, device, true)
	}
	if err != nil {
		return "", d.target.failed(ctx, "token of "+device, err)
	}
	kept[device] = made.Token
	if text, err = json.Marshal(kept); err != nil {
		return "", err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", fmt.Errorf("keep token of %s: %w", device, err)
	}
	return made.Token, nil
}

// opens says whether a token still opens a device's socket. It asks without an
// upgrade, so nothing is connected.
func (d *dev) opens(ctx context.Context, token string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server.url+"/v1/connect", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusUpgradeRequired
}

// leave disconnects all devices, and counts the messages whose handler failed.
func (p *player) leave() (failed int) {
	for _, s := range p.devices {
		s.disconnect()
		s.mu.Lock()
		failed += s.failed
		s.mu.Unlock()
	}
	return failed
}
