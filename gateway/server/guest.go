package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// guest is one connection, from the door to its end.
type guest struct {
	net.Conn // TLS, where there is
	door     *door
	from     netip.Addr

	// The reader's.
	http   framing
	refuse []byte // what is read in place of what was refused, nil before that
	broken bool

	// Guarded by the door's lock.
	state visit
	idle  bool
}

// visit is how far a connection has come.
type visit byte

const (
	waiting visit = iota
	visiting
	admitted
	gone
)

// nonsense is what net/http reads when a rule was broken that it does not know:
// it answers 400 and hangs up.
const nonsense = "\x00\r\n\r\n"

func (g *guest) Read(p []byte) (int, error) {
	if g.broken {
		n := copy(p, g.refuse)
		if g.refuse = g.refuse[n:]; n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := g.Conn.Read(p)
	good := g.http.take(p[:n])
	if good == n {
		return n, err
	}
	g.broken, g.refuse = true, []byte(nonsense)
	if good == 0 {
		return g.Read(p)
	}
	return good, nil
}

// Close is safe to be called more than once.
func (g *guest) Close() error {
	g.door.bye(g)
	return g.Conn.Close()
}

// CloseWrite tells the other side that nothing follows, so that it reads the last
// answer before it hears that its own words are not read.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// bye forgets a connection.
func (d *door) bye(g *guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch g.state {
	case gone:
		return
	case admitted:
		d.inside--
	case visiting:
		d.leave(g)
	}
	g.state = gone
	d.guests--
	d.changed.Broadcast()
}

// admit says that the client has shown a valid token. False: there are as many
// admitted ones as there may be.
func (g *guest) admit() bool {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case g.state == admitted:
		return true
	case g.state != visiting || d.inside >= d.admitted:
		return false
	}
	d.leave(g)
	g.state = admitted
	d.inside++
	return true
}

// passing says whether the connection should end with the answer that is under
// way, because others wait for its place.
func (g *guest) passing() bool {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	return g.state != admitted && (d.crowded(g.from) || d.inside >= d.admitted)
}

// rest notes that the connection waits for its next request, or no longer does.
// One whose place others wait for is closed.
func (g *guest) rest(idle bool) {
	d := g.door
	d.mu.Lock()
	g.idle = idle
	leave := idle && g.state == visiting && d.crowded(g.from)
	d.mu.Unlock()
	if leave {
		_ = g.Close()
	}
}

// hosting gives the connection to the context of its requests.
func hosting(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, c)
}

type guestKey struct{}

// guestOf is the connection that a request came over.
func guestOf(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// watch follows what net/http does with a connection.
func watch(c net.Conn, state http.ConnState) {
	g, ok := c.(*guest)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		g.rest(false)
	case http.StateIdle:
		_ = g.SetWriteDeadline(time.Time{}) // that of the last answer
		g.rest(true)
	}
}
