// Package storetest is the conformance suite of dispatch.Store: what every
// implementation must do, told only through the door.
//
// It knows no implementation. One hands it a Subject and runs the suite on it.
package storetest

import (
	"context"
	"reflect"
	"testing"

	"github.com/tendril-run/tendril/gateway/device"
	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
)

// Subject is a store under test. Every test gets its own, empty one.
type Subject struct {
	Store dispatch.Store
	// Epoch is the lowest one that may claim devices.
	Epoch dispatch.Epoch
	// AddDevice makes a device and names it; RemoveDevice deletes it.
	AddDevice    func(t *testing.T, id string) device.Key
	RemoveDevice func(t *testing.T, key device.Key)
	// Reopen ends the store's process, as far as a test can, and starts it again on
	// the same data. The old Store is not used afterwards.
	Reopen func(t *testing.T) dispatch.Store
	// Now is the store's clock, epoch milliseconds.
	Now func() int64
	// Logs reads what was committed in Change.Log. The store may show it a moment
	// later.
	Logs logs.Store
}

// Run runs the suite. The constructor's subject must end with the test.
func Run(t *testing.T, construct func(t *testing.T) *Subject) {
	for name, test := range map[string]func(*testing.T, *Subject){
		"ANewDeviceIsEmpty":                   newDevice,
		"UnknownDevicesAreRefused":            unknownDevice,
		"ACommitNeedsALoad":                   commitNeedsLoad,
		"KeysArePutDeletedAndOrdered":         keys,
		"ExpiredKeysAreNotLoaded":             expiredKeys,
		"IDsAreAddedUpdatedAndForgotten":      ids,
		"CommandsGetTheirRowsInPlace":         outboxRows,
		"CommandsAreReplacedAndRemoved":       outboxVerbs,
		"OutboxRowsAreNeverReused":            rowsNeverReused,
		"RanStaysUntilChanged":                ran,
		"AStaleRevisionConflicts":             staleRevision,
		"ANewerEpochFencesTheOlder":           fencing,
		"AChangeIsCommittedWholeOrNotAtAll":   whole,
		"ChangesOfManyDevicesAreIndependent":  independent,
		"TheCallerMayReuseItsBytes":           reuse,
		"EverythingAcknowledgedSurvives":      survives,
		"ARemovedDeviceStartsEmpty":           removed,
		"LinesComeBeforeTheErrorOfTheirEvent": lines,
		"ARefusedChangeLeavesNoLog":           refusedLog,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, construct(t))
		})
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// owner plays the owner of one device's mailbox.
type owner struct {
	t     *testing.T
	store dispatch.Store
	key   device.Key
	epoch dispatch.Epoch
	rev   dispatch.Rev
}

func own(t *testing.T, s *Subject, id string) *owner {
	t.Helper()
	o := &owner{t: t, store: s.Store, key: s.AddDevice(t, id), epoch: s.Epoch}
	o.load()
	return o
}

func (o *owner) load() dispatch.State {
	o.t.Helper()
	state, rev, err := o.store.Load(context.Background(), o.key, o.epoch)
	if err != nil {
		o.t.Fatalf("load: %v", err)
	}
	o.rev = rev
	return state
}

// try stamps and commits a change.
func (o *owner) try(c dispatch.Change) error {
	c.Key, c.Epoch, c.Expect = o.key, o.epoch, o.rev
	rev, err := o.store.Commit(context.Background(), c)
	if err == nil {
		o.rev = rev
	}
	return err
}

func (o *owner) commit(c dispatch.Change) {
	o.t.Helper()
	if err := o.try(c); err != nil {
		o.t.Fatalf("commit: %v", err)
	}
}

func put(key, value string) dispatch.KVChange {
	return dispatch.KVChange{KV: dispatch.KV{Key: key, Value: []byte(value)}}
}

func add(body string) dispatch.OutboxChange {
	return dispatch.OutboxChange{Verb: dispatch.Add, Stored: dispatch.Stored{Body: []byte(body)}}
}
