package dispatch_test

import (
	"fmt"
	"testing"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/runtime"
)

func TestOutboxIsBoundedAndKeyReplaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(e *event) error { return e.end(runtime.Segment{}) })
	key := r.device("d")
	for range 100 {
		if _, state, err := r.d.Send(t.Context(), key, runtime.Command{Body: []byte(`{"type":"c"}`), Key: ""}); err != nil || state != dispatch.Queued {
			t.Fatal(state, err)
		}
	}
	if _, _, err := r.d.Send(t.Context(), key, command(`{"type":"c"}`)); err != dispatch.ErrQueueFull {
		t.Fatalf("the 101st: %v", err)
	}
	other := r.device("e")
	for i := range 3 {
		if _, _, err := r.d.Send(t.Context(), other, runtime.Command{Body: fmt.Appendf(nil, `{"type":"c","i":%d}`, i), Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	c := r.connect(other, true)
	if f := c.hear("c"); f["i"] != 2.0 {
		t.Errorf("delivered %v", f)
	}
}

func TestUnacknowledgedCommandsAreDeliveredAgainWithTheSameID(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(e *event) error { return e.end(runtime.Segment{}) })
	key := r.device("d")
	const n = 20
	for i := range n {
		if _, _, err := r.d.Send(t.Context(), key, command(fmt.Sprintf(`{"type":"c","i":%d}`, i))); err != nil {
			t.Fatal(err)
		}
	}
	first := r.connect(key, true)
	var ids []any
	for i := range 16 { // the window
		f := first.hear("c")
		if f["i"] != float64(i) {
			t.Fatalf("command %d: %v", i, f)
		}
		ids = append(ids, f["$id"])
	}
	first.say(fmt.Sprintf(`{"type":"$ack","$id":%q}`, ids[0]))
	if f := first.hear("c"); f["i"] != 16.0 {
		t.Fatalf("after an acknowledgement: %v", f)
	}
	again := r.connect(key, true)
	for i := 1; i <= 16; i++ {
		if f := again.hear("c"); f["i"] != float64(i) || i < 16 && f["$id"] != ids[i] {
			t.Fatalf("redelivered %d: %v", i, f)
		}
	}
}
