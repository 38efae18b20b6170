package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
)

// read hears frames until the connection ends.
func (s *simulator) read(l *link) {
	defer s.changed(func() { close(l.done) })
	for {
		f, err := l.conn.Read(context.Background())
		if err != nil {
			l.conn.Drop()
			if !l.leaving.Load() {
				s.event(s.id, "connection lost: %v", err)
			}
			return
		}
		s.heard(s.id, f.Data)
		s.hear(l, f.Data)
	}
}

// hear takes one frame.
func (s *simulator) hear(l *link, frame []byte) {
	var e struct {
		Type   string      `json:"type"`
		ID     string      `json:"$id"`
		Status wire.Status `json:"status"`
	}
	if json.Unmarshal(frame, &e) != nil {
		return
	}
	switch {
	case e.Type == "$ack":
		s.changed(func() {
			delete(s.open, e.ID)
			if e.Status == wire.Failed {
				s.failed++
			}
		})
		return
	case strings.HasPrefix(e.Type, "$"):
		return
	}
	if e.ID != "" {
		ack, err := json.Marshal(struct {
			Type string `json:"type"`
			native.TakenFrame
		}{"$ack", native.TakenFrame{ID: e.ID}})
		if err != nil || s.write(l, ack) != nil {
			return // the next read tells
		}
	}
	s.changed(func() { s.take(e.ID, frame) })
}

// take queues a command, unless it came before.
func (s *simulator) take(id string, frame []byte) {
	if id != "" {
		if slices.Contains(s.taken, id) {
			return
		}
		s.taken = append(s.taken, id)
		s.taken = s.taken[max(0, len(s.taken)-remembered):]
	}
	switch {
	case s.deaf:
	case len(s.waiting) == maxHeard:
		s.lost = true
	default:
		s.waiting = append(s.waiting, slices.Clone(frame))
	}
}
