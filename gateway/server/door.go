package server

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// perAddress bounds the connections of one address that have not shown a valid
// token yet. Further ones wait; none is refused.
const perAddress = 64

// Descriptors of a process that cannot tell how many it may have, and the most
// that are counted on.
const (
	fewDescriptors  = 1024
	manyDescriptors = 1 << 20
)

// capacity divides descriptors: most are for admitted connections, the others for
// those that are not admitted yet and for files and pipes.
func capacity(descriptors int) (admitted, open int) {
	kept := min(1024, descriptors/4)
	return descriptors - kept, descriptors - kept/2
}

// door is a listener that lets clients in by their address. An admitted client
// counts in total only.
type door struct {
	net.Listener
	secure   func(net.Conn) net.Conn // nil: plain
	proxies  proxies                 // speak for many: no bound for their addresses
	admitted int                     // the most
	open     int                     // the most, in any state

	mu       sync.Mutex // guards the fields below
	changed  sync.Cond  // of mu: ready, guests and err
	ready    []*guest   // let in, not yet accepted
	visitors map[netip.Addr]*visitors
	guests   int // open
	inside   int // admitted
	err      error
	done     sync.WaitGroup
}

// visitors are the connections of one address that are not admitted.
type visitors struct {
	inside  map[*guest]struct{}
	waiting []*guest
}

func newDoor(l net.Listener, admitted, open int, p proxies, secure func(net.Conn) net.Conn) *door {
	d := &door{Listener: l, secure: secure, proxies: p, admitted: admitted, open: open, visitors: make(map[netip.Addr]*visitors)}
	d.changed.L = &d.mu
	d.done.Go(d.listen) // until Close
	return d
}

// listen takes connections from the system as long as there is room for them; the
// others wait there.
func (d *door) listen() {
	pause := time.Duration(0)
	for d.awaitRoom() {
		c, err := d.Listener.Accept()
		switch {
		case err == nil:
			pause = 0
			d.arrive(c)
		case errors.Is(err, net.ErrClosed):
			d.shut(err)
			return
		default: // such as no descriptors: it may pass
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			time.Sleep(pause)
		}
	}
}

// awaitRoom says false when the door is shut.
func (d *door) awaitRoom() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.err == nil && d.guests >= d.open {
		d.changed.Wait()
	}
	return d.err == nil
}

// arrive lets a connection in or has it wait. Of the same address an idle one
// that nobody was admitted on makes room.
func (d *door) arrive(c net.Conn) {
	g := &guest{Conn: c, door: d, from: addressOf(c.RemoteAddr())}
	if d.secure != nil {
		g.Conn = d.secure(c)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests++
	if d.err != nil {
		d.done.Go(func() { _ = g.Close() })
		return
	}
	v := d.visitors[g.from]
	if v == nil {
		v = &visitors{inside: make(map[*guest]struct{})}
		d.visitors[g.from] = v
	}
	if len(v.inside) < perAddress || d.proxies.trust(g.from) {
		d.enter(v, g)
		return
	}
	g.state = waiting
	v.waiting = append(v.waiting, g)
	for other := range v.inside {
		if other.idle {
			d.done.Go(func() { _ = other.Close() })
			return
		}
	}
}

// enter hands a connection to the server. With the lock held.
func (d *door) enter(v *visitors, g *guest) {
	g.state = visiting
	v.inside[g] = struct{}{}
	d.ready = append(d.ready, g)
	d.changed.Broadcast()
}

// leave ends a visit, and the next that waits comes in. With the lock held.
func (d *door) leave(g *guest) {
	v := d.visitors[g.from]
	delete(v.inside, g)
	if len(v.waiting) > 0 && len(v.inside) < perAddress {
		next := v.waiting[0]
		v.waiting[0] = nil
		v.waiting = v.waiting[1:]
		d.enter(v, next)
	}
	if len(v.inside) == 0 {
		delete(d.visitors, g.from)
	}
}

// Accept returns the next connection that was let in.
func (d *door) Accept() (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.ready) == 0 && d.err == nil {
		d.changed.Wait()
	}
	if d.err != nil {
		return nil, d.err
	}
	g := d.ready[0]
	d.ready[0] = nil
	d.ready = d.ready[1:]
	return g, nil
}

// Close shuts the door. Connections that were not accepted are closed.
func (d *door) Close() error {
	err := d.Listener.Close()
	d.shut(net.ErrClosed)
	d.done.Wait()
	return err
}

func (d *door) shut(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return
	}
	d.err = err
	outside := d.ready
	d.ready = nil
	for _, v := range d.visitors {
		outside = append(outside, v.waiting...)
		v.waiting = nil
	}
	for _, g := range outside {
		d.done.Go(func() { _ = g.Close() })
	}
	d.changed.Broadcast()
}

// crowded says whether connections of an address wait. With the lock held.
func (d *door) crowded(from netip.Addr) bool {
	v := d.visitors[from]
	return v != nil && len(v.waiting) > 0
}
