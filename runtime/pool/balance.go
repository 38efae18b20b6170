package pool

import (
	"slices"
	"time"
)

// extraRest is how long a worker beyond those wanted has nothing to do before it
// is let go.
const extraRest = 5 * time.Second

// join lets a worker that is ready into the pool.
func (p *Pool) join(ch *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	ch.joined = true
	if p.closed {
		ch.kill(ending{rule: closing})
		return
	}
	ch.resting = time.Now()
	p.children = append(p.children, ch)
	close(p.ready)
	p.ready = make(chan struct{})
	p.balance()
	p.feed()
}

// part takes a worker that is gone out of the pool, and is true the first time.
// With the lock held.
func (p *Pool) part(ch *child) bool {
	i := slices.Index(p.children, ch)
	if i < 0 {
		return false
	}
	p.children = slices.Delete(p.children, i, i+1)
	if !ch.served && time.Since(ch.born) < time.Second {
		p.rest()
	} else {
		p.failures = 0
	}
	p.balance()
	return true
}

// balance keeps as many workers running events as are wanted, slow ones not
// counted, and one spare that is warm; of all together there are at most twice
// as many. With the lock held.
func (p *Pool) balance() {
	if p.closed {
		return
	}
	able, spares := 0, []*child(nil)
	for _, ch := range p.children {
		switch {
		case ch.role == spare:
			spares = append(spares, ch)
		case ch.role == active && ch.slow == 0 && !ch.silent:
			able++
		}
	}
	for len(spares) > 0 && able < p.cfg.Workers {
		spares[0].role = active
		spares, able = spares[1:], able+1
	}
	want := p.cfg.Workers - able + 1 - len(spares) - p.starting
	room := 2*(p.cfg.Workers+1) - len(p.children) - p.starting
	if time.Now().Before(p.resting) {
		return // rest calls again
	}
	for range min(want, room) {
		p.order()
	}
}

// slowed notes that a turn goes on: its worker gets nothing new, what it has not
// begun is wanted back, and another takes its place.
func (p *Pool) slowed(ch *child) {
	p.mu.Lock()
	ch.slow++
	p.balance()
	if ch.role == active {
		ch.revoke()
	}
	p.feed()
	p.mu.Unlock()
}

// turned notes the end of a turn that others wait for.
func (p *Pool) turned(ch *child, slow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slow {
		ch.slow--
	}
	p.feed()
}

// thin lets workers go that are more than wanted and have had nothing to do for
// a while.
func (p *Pool) thin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	able, spares := 0, 0
	for _, ch := range p.children {
		switch ch.role {
		case active:
			able++
		case spare:
			spares++
		}
	}
	for _, ch := range slices.Clone(p.children) {
		if ch.unsettled > 0 || time.Since(ch.resting) < extraRest {
			continue
		}
		switch {
		case ch.role == active && able > p.cfg.Workers:
			able--
		case ch.role == spare && spares > 1:
			spares--
		case ch.role == alone && len(p.lone) == 0:
		default:
			continue
		}
		p.children = slices.DeleteFunc(p.children, func(o *child) bool { return o == ch })
		ch.kill(ending{rule: surplus})
	}
}
