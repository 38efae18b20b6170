package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// patience is how long a transcript waits for a command.
const patience = 5 * time.Second

// player plays a transcript with simulated devices.
type player struct {
	acts    []act
	devices map[string]*simulator
	limit   time.Duration // for one expected command
}

// devicesOf are the devices that a transcript names, in order.
func devicesOf(acts []act) []string {
	var ids []string
	seen := map[string]bool{"": true}
	for _, a := range acts {
		if !seen[a.Device] {
			seen[a.Device] = true
			ids = append(ids, a.Device)
		}
	}
	return ids
}

// play connects every device, but those whose first line is a connect, plays all
// lines in order, and waits until what was sent is acknowledged. Its error is a
// problem with the line of the transcript.
func (p *player) play(ctx context.Context) error {
	first := map[string]bool{}
	for _, a := range p.acts {
		if a.Device == "" || first[a.Device] {
			continue
		}
		first[a.Device] = true
		if a.Connect {
			continue
		}
		if err := p.devices[a.Device].connect(ctx); err != nil {
			return at(a, err)
		}
	}
	for _, a := range p.acts {
		if err := p.act(ctx, a); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return at(a, err)
		}
	}
	for _, id := range devicesOf(p.acts) {
		if err := p.devices[id].settled(ctx, p.limit); err != nil {
			return at(p.acts[len(p.acts)-1], err)
		}
	}
	return nil
}

func (p *player) act(ctx context.Context, a act) error {
	if a.Wait > 0 {
		sleep(ctx, a.Wait)
		return ctx.Err()
	}
	device := p.devices[a.Device]
	switch {
	case a.Send != nil:
		return device.send(a.Send)
	case a.Expect != nil:
		got, err := device.next(ctx, p.limit)
		if err != nil {
			return mismatch{a, nil, nil, err}
		}
		found, err := differences(a.Expect, got)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return mismatch{a, got, found, errors.New("the next command of " + a.Device + " is not the expected one")}
		}
	case a.Connect:
		return device.connect(ctx)
	case a.Disconnect:
		device.disconnect()
	}
	return nil
}

// next is the next command that the device heard.
func (s *simulator) next(ctx context.Context, limit time.Duration) ([]byte, error) {
	var command []byte
	lost := false
	err := s.until(ctx, limit, fmt.Sprintf("%s heard no command within %v", s.id, limit), func() bool {
		lost = s.lost
		if len(s.waiting) > 0 {
			command, s.waiting = s.waiting[0], s.waiting[1:]
		}
		return command != nil || lost
	})
	if err == nil && command == nil {
		err = fmt.Errorf("%s heard more than %d commands that nothing expected", s.id, maxHeard)
	}
	return command, err
}

// settled waits until every message of the present connection is acknowledged.
func (s *simulator) settled(ctx context.Context, limit time.Duration) error {
	if !s.connected() {
		return nil
	}
	return s.until(ctx, limit, fmt.Sprintf("a message of %s was not acknowledged within %v", s.id, limit), func() bool {
		return len(s.open) == 0
	})
}

// until waits for a condition over what the lock guards. It gives up when ctx
// ends, the time is over or the connection is.
func (s *simulator) until(ctx context.Context, limit time.Duration, late string, holds func() bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		connected := s.connected() // before the look, so that nothing heard is missed
		s.mu.Lock()
		done, news := holds(), s.news
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case !connected:
			return fmt.Errorf("%s is not connected", s.id)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return errors.New(late)
		case <-news:
		}
	}
}

// ignore forgets the commands that were heard, and those to come.
func (s *simulator) ignore() {
	s.changed(func() { s.deaf, s.waiting = true, nil })
}

// mismatch says how a command is not what a transcript expects. got is nil when
// there was none.
type mismatch struct {
	act   act
	got   []byte
	found []difference
	error
}

// text lays out what was expected beside what came.
func (m mismatch) text() string {
	rows := [][2]string{{"expected", string(m.act.Expect)}}
	if m.got != nil {
		rows = append(rows, [2]string{"got", string(m.got)})
	}
	width := len("expected")
	for _, d := range m.found {
		got := "got " + d.Got
		if d.Got == "" {
			got = "which is missing"
		}
		rows = append(rows, [2]string{d.Path, "expected " + d.Want + ", " + got})
		width = max(width, len(d.Path))
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%-*s  %s\n", width, row[0], row[1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// at makes a problem of what went wrong in a line.
func at(a act, err error) error {
	p := problem{Code: "transcript", Message: err.Error(), File: transcriptFile, Line: a.Line}
	var m mismatch
	if errors.As(err, &m) {
		p.Frame = m.text()
	}
	return p
}
