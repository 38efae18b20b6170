package auth

import (
	"net/netip"
	"sync"
	"time"
)

// An address may fail this often in a second before it is told to wait.
const (
	failureRate = 10
	failureStep = time.Second / failureRate
)

// maxAddresses bounds the memory of Failures. Addresses beyond it are counted
// together.
const maxAddresses = 1 << 16

// Failures counts authentications that failed, by the address they came from. It
// judges only those: who shows a valid token never meets it. The zero value is
// ready.
type Failures struct {
	mu    sync.Mutex
	until map[netip.Addr]time.Time // when the failures so far are forgotten
	swept time.Time
}

// Add counts a failure at a time and says how long its address should wait: 0
// while it fails at most 10 times a second, with all addresses of an IPv6 network
// (/64) as one.
func (f *Failures) Add(from netip.Addr, now time.Time) time.Duration {
	from = network(from)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = make(map[netip.Addr]time.Time)
	}
	if _, known := f.until[from]; !known && len(f.until) >= maxAddresses {
		if f.sweep(now); len(f.until) >= maxAddresses {
			from = netip.Addr{}
		}
	}
	until := f.until[from]
	if until.Before(now) {
		until = now
	}
	until = until.Add(failureStep)
	if until.Sub(now) > time.Second {
		return until.Sub(now) - time.Second
	}
	f.until[from] = until
	return 0
}

// sweep forgets who has not failed for a while, at most once in a step.
func (f *Failures) sweep(now time.Time) {
	if now.Sub(f.swept) < failureStep {
		return
	}
	f.swept = now
	for from, until := range f.until {
		if until.Before(now) {
			delete(f.until, from)
		}
	}
}

// network is what is counted as one address.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}
