package auth_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/auth"
)

func TestElevenFailuresInASecondAreTooMany(t *testing.T) {
	t.Parallel()
	var f auth.Failures
	now := time.Unix(1000, 0)
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 10 {
		if wait := f.Add(here, now); wait != 0 {
			t.Fatalf("failure %d waits %v", i+1, wait)
		}
	}
	if wait := f.Add(here, now); wait <= 0 || wait > time.Second {
		t.Errorf("failure 11 waits %v", wait)
	}
	if wait := f.Add(netip.MustParseAddr("::ffff:192.0.2.1"), now); wait == 0 {
		t.Error("the same address in other clothes is not known")
	}
	if wait := f.Add(there, now); wait != 0 {
		t.Errorf("another address waits %v", wait)
	}
	// Those that were refused are not held against it.
	if wait := f.Add(here, now.Add(time.Second)); wait != 0 {
		t.Errorf("a second later it waits %v", wait)
	}
}

func TestTenFailuresASecondAreNeverTooMany(t *testing.T) {
	t.Parallel()
	var f auth.Failures
	now := time.Unix(1000, 0)
	here := netip.MustParseAddr("192.0.2.1")
	for i := range 1000 {
		if wait := f.Add(here, now); wait != 0 {
			t.Fatalf("failure %d waits %v", i+1, wait)
		}
		now = now.Add(100 * time.Millisecond)
	}
}

func TestANetworkOfIPv6IsOneAddress(t *testing.T) {
	t.Parallel()
	var f auth.Failures
	now := time.Unix(1000, 0)
	for i := range 10 {
		f.Add(v6(1, uint64(i)), now)
	}
	if f.Add(v6(1, 99), now) == 0 {
		t.Error("the network has eleven failures")
	}
	if f.Add(v6(2, 99), now) != 0 {
		t.Error("its neighbour has none")
	}
}

func TestAFloodOfAddressesIsCountedTogether(t *testing.T) {
	t.Parallel()
	var f auth.Failures
	now := time.Unix(1000, 0)
	early := 0
	for i := range uint64(1 << 16) {
		if f.Add(v6(i, 0), now) != 0 {
			early++
		}
	}
	late := 0
	for i := range uint64(100) {
		if f.Add(v6(1<<20+i, 0), now) != 0 {
			late++
		}
	}
	if early != 0 || late != 90 {
		t.Errorf("%d waited before the memory was full, %d of 100 after", early, late)
	}
	if f.Add(v6(1<<30, 0), now.Add(time.Minute)) != 0 {
		t.Error("a minute later the flood is still remembered")
	}
}

func v6(network, host uint64) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], 0x2001_0db8_0000_0000+network)
	binary.BigEndian.PutUint64(b[8:], host)
	return netip.AddrFrom16(b)
}
