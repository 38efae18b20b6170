package gateway

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

func cmd(n int) Delivery { return Delivery{Body: fmt.Appendf(nil, "{%d}", n), Key: fmt.Sprint(n)} }

func TestCommandsAndAcknowledgementsKeepTheirOrder(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		s.Send(cmd(1))
		s.Acked(wire.Acked{ID: "m-1", Status: wire.Ok})
		s.Send(Delivery{ID: "c-2", Body: []byte("{2}")})
		s.Acked(wire.Acked{ID: "m-2", Status: wire.Retry})
		synctest.Wait()
		b.want("device while it is stuck", l.said(), "welcome porch")
		close(jam)
		synctest.Wait()
		b.want("device", l.said(), "welcome porch", "do {1}", "acked m-1 ok", "do c-2{2}", "acked m-2 retry")
	})
}

func TestWhatPilesUpIsWrittenInFewGoes(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		for i := range sendFrames {
			s.Send(cmd(i))
		}
		synctest.Wait()
		before := l.writes
		close(jam)
		synctest.Wait()
		if got := l.writes - before; len(l.said()) != 1+sendFrames || got > 2 {
			t.Errorf("%d frames in %d writes", len(l.said())-1, got)
		}
	})
}

func TestSendRefusesWhenTheQueueIsFull(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		for i := range sendFrames {
			if !s.Send(cmd(i)) {
				t.Fatalf("command %d has no room", i)
			}
			synctest.Wait() // what is being written counts
		}
		if s.Send(cmd(64)) {
			t.Error("a 65th command was taken")
		}
		s.Acked(wire.Acked{ID: "m-1", Status: wire.Ok}) // has room of its own
		close(jam)
		synctest.Wait()
		if got := l.said(); len(got) != 1+sendFrames+1 || got[len(got)-1] != "acked m-1 ok" {
			t.Errorf("device heard %q", got)
		}
		jam = l.jam()
		big := Delivery{Body: bytes.Repeat([]byte("x"), sendBytes/2)}
		for range 2 {
			if !s.Send(big) {
				t.Error("256 KiB have no room")
			}
		}
		if s.Send(cmd(1)) {
			t.Error("more than 256 KiB were taken")
		}
		close(jam)
		synctest.Wait()
		if !s.Send(big) {
			t.Error("no room after all was written")
		}
	})
}

func TestDeviceThatTakesNoControlFramesIsClosed1013(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		l.jam()
		for range controlFrames + 1 {
			s.Acked(wire.Acked{ID: "m", Status: wire.Ok})
		}
		synctest.Wait()
		if got := l.ended(); got != "close 1013" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestUnwrittenCommandsAreHandedBackInOrder(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		l.jam()
		for i := range 10 {
			s.Send(cmd(i))
			s.Acked(wire.Acked{ID: "m", Status: wire.Ok})
			synctest.Wait() // the first is being written
		}
		close(l.in)
		synctest.Wait()
		back := b.unwritten[0]
		if len(back) != 10 {
			t.Fatalf("%d handed back", len(back))
		}
		for i, d := range back {
			if d.Key != fmt.Sprint(i) {
				t.Errorf("number %d is %s", i, d.Key)
			}
		}
	})
}

func TestOnlyWhatWasNotWrittenIsHandedBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		for i := range 10 {
			s.Send(cmd(i))
		}
		l.mu.Lock()
		l.room = 4
		l.mu.Unlock()
		close(jam)
		synctest.Wait()
		if back := b.unwritten[0]; len(back) != 6 || back[0].Key != "4" || back[5].Key != "9" {
			t.Errorf("handed back: %v", back)
		}
		if l.ended() != "drop" || b.hub.Connected(porch) {
			t.Errorf("a session that cannot write ended by %q", l.ended())
		}
	})
}

func TestReplacedSessionHandsBackBeforeTheNewOneIsReady(t *testing.T) {
	inBubble(t, func(b *bench) {
		first := b.connect(false)
		first.jam()
		for i := range 5 {
			b.session().Send(cmd(i))
		}
		synctest.Wait()
		b.taken()
		b.connect(false)
		b.want("inbox", b.taken(), "online porch", "closed 1 replaced=true", "ready 2")
		if len(b.unwritten[0]) != 5 {
			t.Errorf("handed back: %v", b.unwritten[0])
		}
	})
}

func TestWriteUnderWayIsWaitedForBeforeTheEndIsTold(t *testing.T) {
	inBubble(t, func(b *bench) {
		first := b.connect(false)
		first.late = make(chan struct{})
		first.jam()
		b.session().Send(Delivery{Row: 7, Body: []byte("{}")})
		synctest.Wait()
		b.taken()
		b.connect(false)
		b.want("inbox while the write is under way", b.taken(), "online porch")
		close(first.late)
		synctest.Wait()
		b.want("inbox", b.taken(), "written 7", "closed 1 replaced=true", "ready 2")
		if len(b.unwritten[0]) != 0 {
			t.Errorf("handed back what was written: %v", b.unwritten[0])
		}
	})
}

func TestWrittenIsToldForStoredCommandsWithoutAcknowledgement(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		b.taken()
		s.Send(Delivery{Row: 7, Body: []byte("{}")})
		s.Send(Delivery{Body: []byte("{}")})
		s.Send(Delivery{Row: 8, Body: []byte("{}")})
		synctest.Wait()
		b.want("inbox", b.taken(), "written 7", "written 8")
		b.say(l, "hello acks")
		s.Send(Delivery{Row: 9, ID: "c-9", Body: []byte("{}")})
		synctest.Wait()
		b.want("inbox with acknowledgements", b.taken())
	})
}

func TestCloseWritesWhatIsQueuedFirst(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		for i := range 5 {
			s.Send(cmd(i))
		}
		s.Close(wire.CloseRevoked, "token revoked")
		synctest.Wait()
		if l.ended() != "" {
			t.Fatal("closed before the queue was written")
		}
		close(jam)
		synctest.Wait()
		if len(l.said()) != 6 || l.ended() != "close 4003" || len(b.unwritten[0]) != 0 {
			t.Errorf("ended by %q after %q", l.ended(), l.said())
		}
	})
}

func TestCloseDoesNotWaitLongForAStuckDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		l.jam()
		s.Send(cmd(1))
		start := time.Now()
		s.Close(wire.CloseDeleted, "device deleted")
		<-l.gone
		if took := time.Since(start); took > flushTime {
			t.Errorf("closed after %v", took)
		}
		synctest.Wait()
		if len(b.unwritten[0]) != 1 {
			t.Errorf("handed back: %v", b.unwritten[0])
		}
	})
}

func TestFramesThatADialectLacksAreLeftOut(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		s := b.session()
		jam := l.jam()
		s.Send(cmd(1))
		s.say(wire.Refused{Code: "silent"})
		s.Send(cmd(2))
		close(jam)
		synctest.Wait()
		b.want("device", l.said(), "welcome porch", "do {1}", "do {2}")
	})
}

func TestQueueOfABusySessionDoesNotGrow(t *testing.T) {
	t.Parallel()
	var q queue
	for i := range 10_000 {
		q.push(parcel{Delivery: cmd(i)})
		if i >= 10 {
			if got := q.rest()[0].Key; got != fmt.Sprint(i-10) {
				t.Fatalf("front is %s after %d", got, i)
			}
			q.drop(1)
		}
	}
	if got := cap(q.parcels.list); got > 64 {
		t.Errorf("room for %d parcels", got)
	}
	q.drop(10)
	if q.parcels != nil || q.frames != 0 || q.bytes != 0 {
		t.Errorf("an empty queue holds %+v", q)
	}
}
