package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/wire"
)

// admit serves a connection that a credential let in, checked at a time.
func (b *bench) admit(id, credential string, checked time.Time) *line {
	l := newLine()
	a := Admission{Key: device.Key{Project: "p", ID: id}, Credential: credential, Checked: checked, Dialect: words{}}
	b.serving.Go(func() { b.hub.Serve(context.Background(), a, l) })
	synctest.Wait()
	return l
}

func TestRevokedCredentialEndsItsSessionsAtOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		first, second := b.admit("a", "one", time.Now()), b.admit("b", "one", time.Now())
		other := b.admit("c", "two", time.Now())
		stuck := first.jam() // nothing that waits for the device delays the end
		b.session().Send(Delivery{Body: []byte("x")})
		begun := time.Now()
		b.hub.Revoke("one")
		synctest.Wait()
		for _, l := range []*line{first, second} {
			if got := l.ended(); got != "close 4003" {
				t.Errorf("ended by %q", got)
			}
		}
		if got := other.ended(); got != "" {
			t.Errorf("another credential's session ended by %q", got)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("took %v", took)
		}
		close(stuck)
	})
}

func TestWhoWasUnderWayWhenHisCredentialEndedStaysOut(t *testing.T) {
	inBubble(t, func(b *bench) {
		checked := time.Now()
		time.Sleep(time.Millisecond)
		b.hub.Revoke("one")
		b.hub.Removed(device.Key{Project: "p", ID: "gone"})
		if l := b.admit("a", "one", checked); l.ended() != "close 4003" {
			t.Errorf("a revoked credential: %q", l.ended())
		}
		if l := b.admit("gone", "three", checked); l.ended() != "close 4004" {
			t.Errorf("a removed device: %q", l.ended())
		}
		time.Sleep(time.Millisecond)
		if l := b.admit("gone", "four", time.Now()); l.ended() != "" {
			t.Errorf("the device made again: %q", l.ended())
		}
		if notes := b.taken(); len(notes) != 2 || notes[0] != "online gone" {
			t.Errorf("others heard of it: %q", notes)
		}
		time.Sleep(2 * barTime)
		b.hub.Revoke("two")
		if n := len(b.hub.barred.credentials) + len(b.hub.barred.devices); n != 1 {
			t.Errorf("%d are remembered for ever", n)
		}
	})
}

func TestRemovedDeviceLosesItsSession(t *testing.T) {
	inBubble(t, func(b *bench) {
		l, other := b.admit("a", "one", time.Now()), b.admit("b", "two", time.Now())
		b.hub.Removed(device.Key{Project: "p", ID: "a"})
		synctest.Wait()
		if l.ended() != "close 4004" || other.ended() != "" {
			t.Errorf("ended by %q, the other by %q", l.ended(), other.ended())
		}
		if wire.CloseDeleted != 4004 || wire.CloseRevoked != 4003 {
			t.Error("the codes are others")
		}
	})
}
