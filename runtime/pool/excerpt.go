package pool

import (
	"strings"
	"sync"
)

// excerpt keeps the first bytes of what a child writes to its standard error: a
// runtime that ends says why first.
type excerpt struct {
	mu   sync.Mutex
	text strings.Builder
}

const excerptSize = 2 << 10

func (e *excerpt) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if room := excerptSize - e.text.Len(); room > 0 {
		e.text.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}

func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.TrimSpace(e.text.String())
}
