package gateway

import (
	"slices"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// barTime is longer than a connection can be under way between the check of its
// credential and its session.
const barTime = time.Minute

// barred is who must not come in although he was found valid, because what let
// him in ended while he was under way.
type barred struct {
	credentials map[string]time.Time
	devices     map[device.Key]time.Time
}

// add bars what ended now, and forgets what ended long ago.
func (b *barred) add(now time.Time, credentials []string, devices ...device.Key) {
	if b.credentials == nil {
		b.credentials, b.devices = make(map[string]time.Time), make(map[device.Key]time.Time)
	}
	for credential, at := range b.credentials {
		if now.Sub(at) > barTime {
			delete(b.credentials, credential)
		}
	}
	for key, at := range b.devices {
		if now.Sub(at) > barTime {
			delete(b.devices, key)
		}
	}
	for _, credential := range credentials {
		b.credentials[credential] = now
	}
	for _, key := range devices {
		b.devices[key] = now
	}
}

// find says how a connection that is barred ends. A device that was made again
// has a credential that was checked later than its removal.
func (b *barred) find(a Admission) (ending, bool) {
	if at, is := b.devices[a.Key]; is && !a.Checked.IsZero() && a.Checked.Before(at) {
		return deleted, true
	}
	if _, is := b.credentials[a.Credential]; is {
		return revoked, true
	}
	return ending{}, false
}

// Endings that wait for nothing: who lost the right to listen is told nothing
// more.
var (
	revoked = ending{code: wire.CloseRevoked, reason: "credential revoked"}
	deleted = ending{code: wire.CloseDeleted, reason: "device deleted"}
)

// Revoke closes every session that one of these credentials let in with 4003. It
// is called when they have ended, so that no new check finds them valid, and
// returns at once.
func (h *Hub) Revoke(credentials ...string) {
	if len(credentials) == 0 {
		return
	}
	h.mu.Lock()
	h.barred.add(time.Now(), credentials)
	h.mu.Unlock()
	for _, s := range h.live() {
		if slices.Contains(credentials, s.credential) {
			s.leave(revoked)
		}
	}
}

// Removed closes the device's session with 4004. It is called when the device and
// its credentials are gone, and returns at once.
func (h *Hub) Removed(key device.Key) {
	h.mu.Lock()
	h.barred.add(time.Now(), nil, key)
	s := h.sessions[key]
	h.mu.Unlock()
	if s != nil {
		s.leave(deleted)
	}
}
