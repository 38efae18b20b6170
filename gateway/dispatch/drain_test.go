package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/tendril-run/tendril/runtime"
)

func TestDrainLetsEventsInFlightEndAndRefusesNewOnes(t *testing.T) {
	t.Parallel()
	running, hold := make(chan struct{}), make(chan struct{})
	r := newRig(t, onlyMessages(func(e *event) error {
		close(running)
		<-hold
		return e.end(runtime.Segment{KV: []runtime.KVWrite{{Key: "k", Value: []byte("1")}}})
	}))
	key := r.device("d")
	c := r.connect(key, true)
	c.say(`{"type":"x","$id":"1"}`)
	<-running
	r.d.Refuse()
	c.say(`{"type":"x","$id":"2"}`)
	if ack := c.hear("$ack"); ack["$id"] != "2" || ack["status"] != "retry" {
		t.Errorf("a message in the drain: %v", ack)
	}
	close(hold)
	if ack := c.hear("$ack"); ack["$id"] != "1" || ack["status"] != "ok" {
		t.Errorf("the event in flight: %v", ack)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.d.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
	if r.value(key, "k") != "1" {
		t.Error("the write of the event in flight is lost")
	}
}

func TestCloseAbandonsAnEventAndItRunsAgainWhenSentAgain(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	r := newRig(t, onlyMessages(func(e *event) error {
		close(running)
		_, err := e.commit(runtime.Segment{Begin: []runtime.Operation{{ID: 1, Kind: runtime.Timer, Wait: time.Hour}}, Waiting: 1})
		return err
	}))
	key := r.device("d")
	c := r.connect(key, true)
	c.say(`{"type":"x","$id":"1"}`)
	<-running
	r.d.Close()
	if ack := c.hear("$ack"); ack["status"] != "retry" {
		t.Errorf("ack: %v", ack)
	}
	state, _, err := r.db.Load(t.Context(), key, r.db.Epoch())
	if err != nil || len(state.Seen) != 0 {
		t.Errorf("an abandoned event left its id: %+v, %v", state.Seen, err)
	}
}
