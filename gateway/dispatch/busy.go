package dispatch

import (
	"context"
	"sync"
)

// busy counts goroutines. Unlike a WaitGroup it may grow while it is waited for.
type busy struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0, made by who waits
}

func (b *busy) add() {
	b.mu.Lock()
	b.n++
	b.mu.Unlock()
}

func (b *busy) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
	if b.n == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

// wait returns nil once nothing runs.
func (b *busy) wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		if b.n == 0 {
			b.mu.Unlock()
			return nil
		}
		if b.idle == nil {
			b.idle = make(chan struct{})
		}
		idle := b.idle
		b.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
