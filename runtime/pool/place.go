package pool

import (
	"maps"
	"slices"
	"time"
)

// What one worker holds at most: unsettled calls, and those of one project.
const (
	mostUnsettled = 256
	mostOfProject = 64
)

// lines are the calls that wait for room, in a line for each project. The lines
// take turns.
type lines struct {
	turns []string // projects with a line, the next one first
	calls map[string][]*call
}

func (l *lines) empty() bool { return len(l.turns) == 0 }

func (l *lines) join(c *call) {
	project := c.inv.Project
	if l.calls == nil {
		l.calls = make(map[string][]*call)
	}
	if len(l.calls[project]) == 0 {
		l.turns = append(l.turns, project)
	}
	l.calls[project] = append(l.calls[project], c)
}

func (l *lines) all() []*call {
	return slices.Concat(slices.Collect(maps.Values(l.calls))...)
}

// leave takes a call out of its line.
func (l *lines) leave(c *call) {
	project := c.inv.Project
	line := l.calls[project]
	i := slices.Index(line, c)
	if i < 0 {
		return
	}
	if len(line) > 1 {
		l.calls[project] = slices.Delete(line, i, i+1)
		return
	}
	delete(l.calls, project)
	l.turns = slices.DeleteFunc(l.turns, func(t string) bool { return t == project })
}

// place gives a call to a worker, or puts it in line.
func (p *Pool) place(c *call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	c.child = nil
	switch {
	case c.lone:
		p.lone = append(p.lone, c)
		p.tally.lone.Add(1)
		p.feed()
	case !p.lines.empty() || !p.assign(c):
		p.lines.join(c)
		p.feed()
	}
	return nil
}

// assign gives a call to the worker with the least to do; among equals to one
// that has its code. With the lock held.
func (p *Pool) assign(c *call) bool {
	for {
		ch := p.choose(c)
		if ch == nil {
			return false
		}
		if p.give(ch, c) {
			return true
		}
	}
}

func (p *Pool) choose(c *call) (best *child) {
	warm := false
	for _, ch := range p.children {
		if ch.role != active || ch.slow > 0 || ch.silent ||
			ch.unsettled >= mostUnsettled || ch.projects[c.inv.Project] >= mostOfProject {
			continue
		}
		if best != nil && ch.unsettled > best.unsettled {
			continue
		}
		has := ch.programs[c.code.Version] != nil
		if best == nil || ch.unsettled < best.unsettled || has && !warm {
			best, warm = ch, has
		}
	}
	return best
}

// give gives a call to a worker. A worker that turns out to be gone leaves the
// pool. With the lock held.
func (p *Pool) give(ch *child, c *call) bool {
	if !ch.begin(c) {
		p.part(ch)
		return false
	}
	ch.unsettled++
	ch.projects[c.inv.Project]++
	ch.served = true
	return true
}

// feed gives calls in line to workers that have room. With the lock held.
func (p *Pool) feed() {
	for blocked := 0; blocked < len(p.lines.turns); {
		project := p.lines.turns[0]
		c := p.lines.calls[project][0]
		p.lines.turns = append(p.lines.turns[1:], project)
		if p.assign(c) {
			p.lines.leave(c)
			blocked = 0
		} else {
			blocked++
		}
	}
	p.feedLone()
}

// feedLone gives the next suspect to the worker that is kept for them, if no
// turn is in its hands. With the lock held.
func (p *Pool) feedLone() {
	for len(p.lone) > 0 {
		i := slices.IndexFunc(p.children, func(ch *child) bool { return ch.role == alone })
		if i < 0 {
			i = slices.IndexFunc(p.children, func(ch *child) bool { return ch.role == spare })
		}
		if i < 0 {
			return // one is being started
		}
		ch := p.children[i]
		ch.role = alone
		if ch.unsettled >= mostUnsettled || ch.turns() > 0 {
			return
		}
		if p.give(ch, p.lone[0]) {
			p.lone = slices.Delete(p.lone, 0, 1)
		}
		p.balance()
	}
}

// turns counts the turns in the worker's hands.
func (ch *child) turns() (n int) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for _, c := range ch.calls {
		if c.turning {
			n++
		}
	}
	return n
}

// leave notes that a worker has settled a call or been rid of it.
func (p *Pool) leave(ch *child, c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(ch, c)
	if !p.lines.empty() || len(p.lone) > 0 {
		p.feed()
	}
}

// release takes a call off a worker's account. With the lock held.
func (p *Pool) release(ch *child, c *call) {
	ch.unsettled--
	if n := ch.projects[c.inv.Project] - 1; n > 0 {
		ch.projects[c.inv.Project] = n
	} else {
		delete(ch.projects, c.inv.Project)
	}
	c.program.users--
	if ch.unsettled == 0 {
		ch.resting = time.Now()
	}
}

// abandon gives a call up, wherever it is.
func (p *Pool) abandon(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.abandoned = true
	if c.child != nil {
		c.child.cancel(c)
		return
	}
	p.lines.leave(c)
	p.lone = slices.DeleteFunc(p.lone, func(l *call) bool { return l == c })
}

// moved places calls elsewhere that a slow worker gave back unbegun. They have
// waited: they go first.
func (p *Pool) moved(ch *child, calls []*call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range calls {
		p.release(ch, c)
		c.child = nil
		if !c.abandoned && !p.assign(c) {
			p.lines.join(c)
		}
	}
	p.feed()
}
