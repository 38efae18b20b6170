package gateway

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tendril-run/tendril/gateway/device"
)

// crowd connects n devices and returns when each was closed, as it is told.
func (b *bench) crowd(n int) []*line {
	lines := make([]*line, n)
	for i := range lines {
		lines[i] = newLine()
		b.serve(context.Background(), device.Key{Project: "p", ID: fmt.Sprint(i)}, false, lines[i])
	}
	synctest.Wait()
	return lines
}

func TestDrainIsSpreadButNeverLong(t *testing.T) {
	for _, tt := range []struct {
		devices int
		least   time.Duration
		most    time.Duration
	}{{1, 0, 0}, {1000, 4 * time.Second, 5 * time.Second}, {3000, 8 * time.Second, 10 * time.Second}} {
		t.Run(fmt.Sprint(tt.devices), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				lines := b.crowd(tt.devices)
				start := time.Now()
				if err := b.hub.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < tt.least || took > tt.most {
					t.Errorf("took %v", took)
				}
				for _, l := range lines {
					if got := l.ended(); got != "close 1012" {
						t.Fatalf("ended by %q", got)
					}
				}
				late := b.connect(false)
				if got := late.ended(); got != "close 1012" || len(late.said()) != 0 {
					t.Errorf("a newcomer ended by %q", got)
				}
			})
		})
	}
}

func TestDrainDropsWhatRemainsWhenItsTimeIsOver(t *testing.T) {
	inBubble(t, func(b *bench) {
		lines := b.crowd(1000)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := b.hub.Drain(ctx); err != context.DeadlineExceeded {
			t.Errorf("drain: %v", err)
		}
		b.serving.Wait()
		dropped := 0
		for _, l := range lines {
			if l.ended() == "drop" {
				dropped++
			}
		}
		if dropped < 500 || dropped > 650 {
			t.Errorf("%d of 1000 were dropped", dropped)
		}
	})
}

func TestDevicesDoNotDisturbEachOther(t *testing.T) {
	inBubble(t, func(b *bench) {
		lines := b.crowd(3)
		close(lines[1].in)
		synctest.Wait()
		if b.hub.Count() != 2 || lines[0].ended() != "" || lines[2].ended() != "" {
			t.Errorf("%d left", b.hub.Count())
		}
		if b.hub.Connected(device.Key{Project: "q", ID: "0"}) {
			t.Error("a device of another project is connected")
		}
	})
}
