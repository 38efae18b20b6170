package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSilenceClosesAfterAMinuteAndPingsComeBefore(t *testing.T) {
	inBubble(t, func(b *bench) {
		start := time.Now()
		l := b.connect(false)
		time.Sleep(60*time.Second - time.Millisecond)
		if got := l.ended(); got != "" {
			t.Fatalf("too early: %s", got)
		}
		if len(l.pings) != 2 || l.pings[0].Sub(start).Round(time.Second) != 25*time.Second || l.pings[1].Sub(start).Round(time.Second) != 50*time.Second {
			t.Errorf("pings at %v", l.pings)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := l.ended(); got != "close 1008" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestAnyInboundFrameResetsTheReadDeadline(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		time.Sleep(50 * time.Second)
		b.say(l, "say m-1 {}")
		time.Sleep(50 * time.Second)
		l.heard() // a pong
		time.Sleep(50 * time.Second)
		b.say(l, "nonsense")
		time.Sleep(59 * time.Second)
		if got := l.ended(); got != "" {
			t.Fatalf("ended by %q", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := l.ended(); got != "close 1008" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestReadDeadlineRestsWhileWeDoNotRead(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.full = true
		l := b.connect(false)
		b.say(l, "say m-1 {}")
		time.Sleep(10 * time.Minute)
		if got := l.ended(); got != "" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestUnacknowledgedCommandCloses1013(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		s.AckDue(time.Now().Add(5 * time.Second))
		time.Sleep(4 * time.Second)
		s.AckDue(time.Now().Add(30 * time.Second)) // one was acknowledged
		time.Sleep(29 * time.Second)
		s.AckDue(time.Time{}) // all were
		time.Sleep(10 * time.Second)
		if got := l.ended(); got != "" {
			t.Fatalf("too early: %s", got)
		}
		s.AckDue(time.Now().Add(2 * time.Second))
		time.Sleep(2*time.Second + 100*time.Millisecond)
		synctest.Wait()
		if got := l.ended(); got != "close 1013" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestIdleSessionsLeaveNoAlarmBehind(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		close(l.in)
		synctest.Wait()
		if b.hub.wheel.count != 0 {
			t.Errorf("%d alarms", b.hub.wheel.count)
		}
	})
}
