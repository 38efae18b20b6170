package gateway

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

func TestPlainClientIsReadyAtOnceWithoutAcks(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		b.want("inbox", b.taken(), "online porch", "ready 1")
		b.want("device", l.said(), "welcome porch")
		s := b.session()
		if s.Acks() || s.Key() != porch || !b.hub.Connected(porch) || b.hub.Session(porch) != s {
			t.Errorf("session %+v", s)
		}
		b.say(l, "say m-1 {}", "reply r-1 {}", "took c-1")
		b.want("inbox", b.taken(), "message m-1 {}", "reply r-1 {}", "acked c-1")
		close(l.in)
		synctest.Wait()
		b.want("inbox", b.taken(), "closed 1 replaced=false", "offline porch")
		if b.hub.Connected(porch) || b.hub.Count() != 0 || l.ended() != "drop" {
			t.Errorf("%d sessions left, connection ended by %q", b.hub.Count(), l.ended())
		}
	})
}

func TestHelloMakesReady(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(true)
		b.say(l, "say m-1 {}", "reply r-1 {}", "took c-1", "nonsense x")
		b.want("inbox", b.taken(), "online porch")
		b.want("device", l.said(), "welcome porch", "refused hello_first m-1", "refused hello_first ", "refused hello_first c-1", "refused bad x")
		b.say(l, `hello acks {"name":"a"}`)
		b.want("inbox", b.taken(), `metadata {"name":"a"}`, "ready 1")
		if !b.session().Acks() {
			t.Error("acknowledgements are off")
		}
		b.say(l, "hello", "say m-1 {}")
		b.want("inbox", b.taken(), "message m-1 {}")
		b.want("device", l.said()[5:], "refused bad_hello ")
		if !b.session().Acks() {
			t.Error("a second hello turned acknowledgements off")
		}
	})
}

func TestPlainClientMaySayHelloFirstOnly(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		b.say(l, "nonsense", "hello acks", "say m-1 {}")
		b.want("device", l.said(), "welcome porch", "refused bad ")
		if !b.session().Acks() {
			t.Error("hello was not taken")
		}
		l = b.connect(false)
		b.say(l, "say m-1 {}", "hello acks")
		b.want("device", l.said(), "welcome porch", "refused bad_hello ")
		if b.session().Acks() {
			t.Error("a late hello was taken")
		}
	})
}

func TestHelloThatDoesNotComeCloses4008(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(true)
		b.say(l, "say m-1 {}")
		time.Sleep(10*time.Second - time.Millisecond)
		if got := l.ended(); got != "" {
			t.Fatalf("too early: %s", got)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := l.ended(); got != "close 4008" {
			t.Errorf("ended by %q", got)
		}
		b.want("inbox", b.taken(), "online porch", "closed 1 replaced=false", "offline porch")
	})
}

func TestHelloInTimeStaysConnected(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(true)
		time.Sleep(9 * time.Second)
		b.say(l, "hello")
		time.Sleep(30 * time.Second)
		if got := l.ended(); got != "" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestNewestSessionReplacesTheOlder(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.full = true
		first := b.connect(false)
		old := b.session()
		b.say(first, "say m-1 {}") // blocks in the inbox
		second := b.connect(false)
		b.want("inbox", b.taken(), "online porch", "ready 1", "message m-1 {}",
			"online porch", "message m-1 given up", "closed 1 replaced=true", "ready 2")
		if first.ended() != "close 4001" || second.ended() != "" {
			t.Errorf("ended by %q and %q", first.ended(), second.ended())
		}
		if old.Send(Delivery{Body: []byte("{}")}) || b.hub.Session(porch) != b.session() || b.hub.Count() != 1 {
			t.Error("the old session is not over")
		}
		old.Close(wire.CloseRevoked, "") // too late
		synctest.Wait()
		if first.ended() != "close 4001" || second.ended() != "" {
			t.Errorf("after a late close: %q and %q", first.ended(), second.ended())
		}
	})
}

func TestManyNewcomersAreReadyInOrder(t *testing.T) {
	inBubble(t, func(b *bench) {
		lines := make([]*line, 50)
		for i := range lines {
			lines[i] = newLine()
			b.serve(context.Background(), porch, false, lines[i])
		}
		synctest.Wait()
		ready, closed := 0, 0
		for _, note := range b.taken() {
			var g int
			switch {
			case scan(note, "ready %d", &g):
				if g <= ready || closed != g-1 {
					t.Errorf("session %d is ready after %d, when %d have been closed", g, ready, closed)
				}
				ready = g
			case scan(note, "closed %d replaced=true", &g):
				if g != closed+1 {
					t.Errorf("session %d is closed after %d", g, closed)
				}
				closed = g
			}
		}
		if ready != 50 || closed != 49 || b.hub.Count() != 1 {
			t.Errorf("newest ready %d, %d closed, %d left", ready, closed, b.hub.Count())
		}
	})
}

func scan(note, format string, into *int) bool {
	n, err := fmt.Sscanf(note, format, into)
	return err == nil && n == 1
}

func TestTwentiethRefusalInTenSecondsCloses1008(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		for i := range 19 {
			b.say(l, fmt.Sprint("nonsense ", i))
		}
		time.Sleep(10 * time.Second)
		for i := range 19 {
			b.say(l, fmt.Sprint("nonsense ", i))
			time.Sleep(500 * time.Millisecond)
		}
		if got := l.ended(); got != "" {
			t.Fatalf("too early: %s", got)
		}
		b.say(l, "nonsense last")
		said := l.said()
		if l.ended() != "close 1008" || len(said) != 40 || said[39] != "refused bad last" {
			t.Errorf("ended by %q after %q", l.ended(), said)
		}
	})
}

func TestFramesThatEndASession(t *testing.T) {
	for text, want := range map[string]string{"fatal": "close 1007", "register x": "close 1002"} {
		t.Run(text, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				l := b.connect(false)
				b.say(l, text)
				if got := l.ended(); got != want {
					t.Errorf("ended by %q", got)
				}
			})
		})
	}
	t.Run("binary", func(t *testing.T) {
		inBubble(t, func(b *bench) {
			l := newLine()
			l.binary = true
			b.serve(context.Background(), porch, false, l)
			b.say(l, "say m-1 {}")
			if got := l.ended(); got != "close 1003" {
				t.Errorf("ended by %q", got)
			}
			b.want("inbox", b.taken(), "online porch", "ready 1", "closed 1 replaced=false", "offline porch")
		})
	})
}

func TestEndOfContextCloses1001(t *testing.T) {
	inBubble(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		l := newLine()
		b.serve(ctx, porch, false, l)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if got := l.ended(); got != "close 1001" {
			t.Errorf("ended by %q", got)
		}
	})
}

func TestDisconnectSaysItsCode(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.connect(false)
		if !b.hub.Disconnect(porch, wire.CloseDeleted, "device deleted") {
			t.Error("the device was not connected")
		}
		synctest.Wait()
		if l.ended() != "close 4004" || b.hub.Disconnect(porch, wire.CloseDeleted, "") {
			t.Errorf("ended by %q", l.ended())
		}
	})
}

// In real time: a bubble takes waiting for a mutex for work.
func TestSessionReplacedBeforeItIsReadyNeverIs(t *testing.T) {
	t.Parallel()
	n := new(notebook)
	b := &bench{t: t, notebook: n, hub: NewHub(Config{Inbox: n, Presence: n})}
	lines := []*line{newLine(), newLine(), newLine()}
	release := make(chan struct{})
	lines[0].stuck, lines[0].late = make(chan struct{}), release // its welcome is long under way
	live := func(generation uint64) func() bool {
		return func() bool {
			s := b.hub.Session(porch)
			return s != nil && s.Generation() == generation
		}
	}
	for i, l := range lines {
		b.serve(context.Background(), porch, false, l)
		b.until(live(uint64(i + 1)))
		switch i {
		case 0:
			b.until(func() bool { return len(b.peek()) == 2 })
		case 1:
			b.until(func() bool { return lines[0].ended() != "" })
		}
	}
	b.until(func() bool { return lines[1].ended() != "" })
	close(release)
	b.until(func() bool { return len(b.peek()) == 7 })
	b.want("inbox", b.taken(), "online porch", "ready 1", "online porch", "online porch",
		"closed 1 replaced=true", "closed 2 replaced=true", "ready 3")
	b.hub.Disconnect(porch, wire.CloseNormal, "")
	b.serving.Wait()
}
