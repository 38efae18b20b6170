package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
)

// feed prints what happens in a development loop as it happens, a line each, in
// columns: time, device, direction or level, text. It is safe for concurrent
// use.
type feed struct {
	now   func() time.Time
	width int // of the device column

	mu  sync.Mutex
	out io.Writer
}

func newFeed(out io.Writer, p project) *feed {
	f := &feed{out: out, now: time.Now}
	for _, d := range p.Devices {
		f.width = max(f.width, len(d.Device))
	}
	return f
}

// said shows a frame that a device said.
func (f *feed) said(device string, frame []byte) {
	f.line(f.now(), device, newStyles().out.Render("→    "), printable(string(frame)))
}

// heard shows a frame that a device heard. Of the envelope only what went wrong
// is worth a line.
func (f *feed) heard(device string, frame []byte) {
	var e struct {
		Type string `json:"type"`
		native.AckedFrame
	}
	if json.Unmarshal(frame, &e) != nil {
		return
	}
	s := newStyles()
	mark := s.in.Render("←    ")
	if strings.HasPrefix(e.Type, "$") {
		if e.Type != "$error" && (e.Type != "$ack" || e.Status == wire.Ok) {
			return
		}
		mark = s.bad.Render("←    ")
	}
	f.line(f.now(), device, mark, printable(string(frame)))
}

// row shows a row of a device's log.
func (f *feed) row(row logs.Row) error {
	f.line(time.UnixMilli(row.Time), row.Device, level(row.Level), rowText(row))
	return nil
}

// event shows that something happened to a device or, for "", to the project.
func (f *feed) event(device, format string, args ...any) {
	f.line(f.now(), device, newStyles().dim.Render("·    "), printable(fmt.Sprintf(format, args...)))
}

// problem shows an error in full.
func (f *feed) problem(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	explain(err).print(f.out, false)
}

// table shows rows in columns.
func (f *feed) table(header []string, rows [][]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	writeTable(f.out, header, rows)
}

func (f *feed) line(at time.Time, device, mark, text string) {
	name := device + strings.Repeat(" ", max(0, f.width-lipgloss.Width(device)))
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(f.out, "%s  %s  %s  %s\n", newStyles().dim.Render(at.Format("15:04:05.000")), name, mark, text)
}
