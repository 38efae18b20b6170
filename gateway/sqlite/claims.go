package sqlite

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
)

// claim says who owns a device and at which revision its state is.
type claim struct {
	row   int64 // of the device
	epoch dispatch.Epoch
	rev   uint64
}

// claims live in memory only: one process has the directory, so after a start
// nobody owns anything and every owner loads again. Only the writer's goroutine
// changes them; a transaction that is taken back takes its claims back.
type claims struct {
	rev  uint64      // last revision given
	undo []claimUndo // of the running transaction

	mu       sync.Mutex
	byDevice map[device.Key]claim
}

type claimUndo struct {
	key device.Key
	was claim
	had bool
}

// newClaims begins the revisions at random, so that one of an earlier run is
// never taken for one of this.
func newClaims() *claims {
	var start [8]byte
	rand.Read(start[:6]) // never fails
	return &claims{rev: binary.BigEndian.Uint64(start[:]), byDevice: map[device.Key]claim{}}
}

// find may be called by any goroutine.
func (c *claims) find(key device.Key) (claim, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held, ok := c.byDevice[key]
	return held, ok
}

// set stores a claim under a new revision, which it returns.
func (c *claims) set(key device.Key, held claim) uint64 {
	c.rev++
	held.rev = c.rev
	c.mu.Lock()
	defer c.mu.Unlock()
	was, had := c.byDevice[key]
	c.undo = append(c.undo, claimUndo{key, was, had})
	c.byDevice[key] = held
	return c.rev
}

func (c *claims) drop(key device.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, had := c.byDevice[key]; had {
		c.undo = append(c.undo, claimUndo{key, was, had})
		delete(c.byDevice, key)
	}
}

// begin forgets how to undo what is committed.
func (c *claims) begin() { c.undo = c.undo[:0] }

func (c *claims) mark() int { return len(c.undo) }

// revert takes back what was done since the mark.
func (c *claims) revert(mark int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.undo) - 1; i >= mark; i-- {
		if u := c.undo[i]; u.had {
			c.byDevice[u.key] = u.was
		} else {
			delete(c.byDevice, u.key)
		}
	}
	c.undo = c.undo[:mark]
}

// clear voids every claim.
func (c *claims) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undo = c.undo[:0]
	clear(c.byDevice)
}

func revision(n uint64) dispatch.Rev { return dispatch.Rev(strconv.FormatUint(n, 36)) }
