package sqlite

import (
	"context"
	"fmt"
	"sync"

	"github.com/tendril-run/tendril/gateway/device"
)

// presence gathers what sessions report until the keeper writes it: many reports
// of a device become one row change.
type presence struct {
	mu      sync.Mutex
	pending map[device.Key]seenAs
	writing map[device.Key]seenAs // being flushed
}

// seenAs is what is new of a device; a nil metadata is no news.
type seenAs struct {
	at       int64
	metadata []byte
}

func newPresence() *presence { return &presence{pending: map[device.Key]seenAs{}} }

func (p *presence) report(key device.Key, at int64, metadata []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.pending[key]
	s.at = max(s.at, at)
	if metadata != nil {
		s.metadata = metadata
	}
	p.pending[key] = s
}

// overlay adds what is not yet written to a record that was read.
func (p *presence) overlay(dev *device.Device) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, news := range []map[device.Key]seenAs{p.writing, p.pending} {
		s, ok := news[dev.Key]
		if !ok {
			continue
		}
		dev.LastSeen = max(dev.LastSeen, s.at)
		if s.metadata != nil {
			dev.Metadata = s.metadata
		}
	}
}

func (p *presence) forget(key device.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, key)
}

// Online says that a session of the device began at that time, epoch
// milliseconds. Like Offline and Metadata it never blocks on the disk; what they
// report is written within a second or so and at Close.
func (d *DB) Online(key device.Key, at int64) { d.presence.report(key, at, nil) }

// Offline says that the device's last session ended.
func (d *DB) Offline(key device.Key, at int64) { d.presence.report(key, at, nil) }

// Metadata keeps the JSON object of the device's last hello.
func (d *DB) Metadata(key device.Key, object []byte) { d.presence.report(key, 0, object) }

// flushPresence writes what was gathered, in one write.
func (d *DB) flushPresence() error {
	p := d.presence
	p.mu.Lock()
	news := p.pending
	if len(news) == 0 {
		p.mu.Unlock()
		return nil
	}
	p.pending, p.writing = map[device.Key]seenAs{}, news
	p.mu.Unlock()

	err := d.writer.guard(context.Background(), func(c *conn) error {
		for key, s := range news {
			_, err := c.exec(`UPDATE devices SET last_seen = max(last_seen, ?), metadata = coalesce(?, metadata)
				WHERE project = ? AND device_id = ?`, s.at, s.metadata, key.Project, key.ID)
			if err != nil {
				return fmt.Errorf("presence of %s: %w", key, err)
			}
		}
		return nil
	})
	p.mu.Lock()
	p.writing = nil
	p.mu.Unlock()
	return err
}
