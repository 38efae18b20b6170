package dispatch_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/versions"
)

func TestEventsOfADeviceRunOneAtATimeInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	under := 0
	r := newRig(t, func(e *event) error {
		mu.Lock()
		under++
		if under > 1 {
			t.Error("two events of one device at once")
		}
		order = append(order, string(e.inv.Event.Payload))
		mu.Unlock()
		err := e.end(runtime.Segment{})
		mu.Lock()
		under--
		mu.Unlock()
		return err
	})
	c := r.connect(r.device("d"), true)
	const n = 200
	for i := range n {
		c.say(fmt.Sprintf(`{"type":"n","i":%d}`, i))
	}
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(order) == n+1 })
	for i := range n {
		if want := fmt.Sprintf(`{"type":"n","i":%d}`, i); order[i+1] != want {
			t.Fatalf("event %d is %s", i, order[i+1])
		}
	}
}

func TestDevicesRunInParallel(t *testing.T) {
	t.Parallel()
	both := make(chan struct{})
	var met sync.WaitGroup
	met.Add(2)
	go func() { met.Wait(); close(both) }()
	r := newRig(t, onlyMessages(func(e *event) error {
		met.Done()
		select {
		case <-both:
		case <-time.After(patience):
			t.Error("the other device waits for this one")
		}
		return e.end(runtime.Segment{})
	}))
	a, b := r.connect(r.device("a"), true), r.connect(r.device("b"), true)
	a.say(`{"type":"x","$id":"1"}`)
	b.say(`{"type":"x","$id":"1"}`)
	a.hear("$ack")
	b.hear("$ack")
}

func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		return e.end(runtime.Segment{
			KV:       []runtime.KVWrite{{Key: "k", Value: []byte("1")}},
			Commands: []runtime.Command{command(`{"type":"one"}`), command(`{"type":"two"}`)},
		})
	}))
	for _, acks := range []bool{true, false} {
		key := r.device(fmt.Sprintf("d-%t", acks))
		c := r.connect(key, acks)
		c.say(`{"type":"warm","$id":"0"}`) // the connect event and the first load are over
		c.hear("one")
		c.hear("two")
		c.hear("$ack")
		r.store.close()
		c.say(`{"type":"x","$id":"1"}`)
		<-r.store.arrived
		if !c.silent() {
			t.Fatal("something left before the commit")
		}
		r.store.open()
		c.hear("one")
		c.hear("two")
		c.hear("$ack")
	}
}

func TestFailedCommitIsNotAcknowledgedAndSendsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		return e.end(runtime.Segment{
			KV:       []runtime.KVWrite{{Key: "k", Value: []byte("1")}},
			Commands: []runtime.Command{command(`{"type":"one"}`)},
		})
	}))
	key := r.device("d")
	c := r.connect(key, true)
	eventually(t, func() bool { return r.store.count() > 0 }) // the connect event
	r.store.failWith(dispatch.ErrFull)
	c.say(`{"type":"x","$id":"1"}`)
	if ack := c.hear("$ack"); ack["status"] != "retry" {
		t.Fatalf("ack: %v", ack)
	}
	if r.value(key, "k") != "" || !c.silent() {
		t.Fatal("something of a failed commit took effect")
	}
	r.store.failWith(nil)
	c.say(`{"type":"x","$id":"1"}`)
	c.hear("one")
	if ack := c.hear("$ack"); ack["status"] != "ok" {
		t.Fatalf("ack after the disk has room: %v", ack)
	}
}

func TestEventThatLeavesNothingCommitsNothing(t *testing.T) {
	t.Parallel()
	done := make(chan struct{}, 8)
	r := newRig(t, onlyMessages(func(e *event) error {
		defer func() { done <- struct{}{} }()
		return e.end(runtime.Segment{
			Commands: []runtime.Command{command(`{"type":"direct"}`)},
			Lines:    []runtime.Line{{Time: 1, Level: runtime.Info, Message: "hi"}},
		})
	}))
	c := r.connect(r.device("d"), false)
	c.say(`{"type":"x"}`)
	<-done
	c.hear("direct")
	before := r.store.count()
	c.say(`{"type":"x"}`)
	<-done
	c.hear("direct")
	if got := r.store.count(); got != before {
		t.Errorf("%d commits for an event without effects", got-before)
	}
}

func TestWaitOnTimersAloneCommitsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{{ID: 1, Kind: runtime.Timer, Wait: time.Millisecond}}, Waiting: 1})
		if err != nil {
			return err
		}
		if res.Result.ID != 1 {
			t.Errorf("resumed with %+v", res.Result)
		}
		return e.end(runtime.Segment{})
	}))
	c := r.connect(r.device("d"), true)
	c.say(`{"type":"x","$id":"1"}`)
	c.hear("$ack")
	for _, change := range r.store.commits {
		for _, seen := range change.Seen {
			if seen.Status == "running" {
				t.Error("the id was committed as running")
			}
		}
	}
}

func TestFirstCommittingWaitStoresTheIDAsRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		_, err := e.commit(runtime.Segment{
			KV:    []runtime.KVWrite{{Key: "k", Value: []byte("1")}},
			Begin: []runtime.Operation{{ID: 1, Kind: runtime.Request, Wait: time.Minute, Command: command(`{"type":"ask"}`)}}, Waiting: 1,
		})
		if err != nil {
			return err
		}
		return e.end(runtime.Segment{})
	}))
	key := r.device("d")
	c := r.connect(key, true)
	c.say(`{"type":"x","$id":"1"}`)
	ask := c.hear("ask")
	state, _, err := r.db.Load(t.Context(), key, r.db.Epoch())
	if err != nil || len(state.Seen) != 1 || state.Seen[0].Status != "running" {
		t.Fatalf("state: %+v %v", state.Seen, err)
	}
	// The load has taken the device from its owner: the next commit conflicts and
	// the event is not acknowledged as done.
	c.say(fmt.Sprintf(`{"type":"answer","$re":%q}`, ask["$id"]))
	if ack := c.hear("$ack"); ack["status"] == "ok" {
		t.Fatalf("ack: %v", ack)
	}
}

func TestReplyBypassesTheFullMailbox(t *testing.T) {
	t.Parallel()
	replied := make(chan struct{})
	r := newRig(t, onlyMessages(func(e *event) error {
		if !says(e, "first") {
			return e.end(runtime.Segment{})
		}
		res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{
			{ID: 7, Kind: runtime.Request, Wait: time.Minute, Command: command(`{"type":"ask"}`)}}, Waiting: 1})
		if err != nil {
			return err
		}
		if res.Result.Error != nil || string(res.Result.Value) != `{"type":"answer","v":1}` {
			t.Errorf("result: %+v %s", res.Result, res.Result.Value)
		}
		close(replied)
		return e.end(runtime.Segment{})
	}))
	c := r.connect(r.device("d"), true)
	c.say(`{"type":"first"}`)
	ask := c.hear("ask")
	for range 100 { // more than a mailbox holds
		c.say(`{"type":"more"}`)
	}
	c.say(fmt.Sprintf(`{"type":"answer","$re":%q,"v":1}`, ask["$id"]))
	select {
	case <-replied:
	case <-time.After(patience):
		t.Fatal("the reply did not come through")
	}
}

func TestRequestRejectsWhenTheReserveIsFull(t *testing.T) {
	t.Parallel()
	rejected := make(chan *runtime.ScriptError, 1)
	r := newRig(t, onlyMessages(func(e *event) error {
		if !says(e, "first") {
			return e.end(runtime.Segment{})
		}
		res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{
			{ID: 7, Kind: runtime.Request, Wait: time.Minute, Command: command(`{"type":"ask"}`)}}, Waiting: 1})
		if err != nil {
			return err
		}
		rejected <- res.Result.Error
		return e.end(runtime.Segment{})
	}))
	c := r.connect(r.device("d"), true)
	c.say(`{"type":"first"}`)
	c.hear("ask")
	for range 200 {
		c.say(`{"type":"more"}`)
	}
	if err := <-rejected; err == nil || err.Name != runtime.BackpressureError {
		t.Fatalf("result: %v", err)
	}
}

func TestFullMailboxStopsTheReaderAndLosesNothing(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var mu sync.Mutex
	ran := 0
	r := newRig(t, onlyMessages(func(e *event) error {
		<-hold
		mu.Lock()
		ran++
		mu.Unlock()
		return e.end(runtime.Segment{})
	}))
	c := r.connect(r.device("d"), true)
	const n = 150
	var said sync.WaitGroup
	said.Go(func() {
		for range n {
			c.say(`{"type":"x"}`)
		}
	})
	// One event runs, 64 wait, one is in the blocked reader's hands: no more is read.
	eventually(t, func() bool {
		select {
		case c.in <- frameOf(`{"type":"x"}`):
			mu.Lock()
			ran--
			mu.Unlock()
			return false
		case <-time.After(200 * time.Millisecond):
			return true
		}
	})
	close(hold)
	said.Wait()
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return ran == n })
}

func TestTakeoverRunsAcceptedEventsBeforeTheConnectEvent(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var mu sync.Mutex
	var order []string
	var request *runtime.ScriptError
	r := newRig(t, func(e *event) error {
		mu.Lock()
		order = append(order, string(e.inv.Event.Kind))
		mu.Unlock()
		if says(e, "first") {
			res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{
				{ID: 1, Kind: runtime.Request, Wait: time.Minute, Command: command(`{"type":"ask"}`)}}, Waiting: 1})
			if err != nil {
				return err
			}
			request = res.Result.Error
			<-hold
		}
		if e.inv.Event.Kind == runtime.Message {
			return e.end(runtime.Segment{Commands: []runtime.Command{command(`{"type":"done"}`)}})
		}
		return e.end(runtime.Segment{})
	})
	key := r.device("d")
	old := r.connect(key, true)
	old.say(`{"type":"first"}`)
	old.hear("ask")
	old.say(`{"type":"second"}`)
	old.say(`{"type":"$ack","$id":"none"}`) // the reader has taken the second message
	young := r.connect(key, true)
	<-old.done
	if old.code != 4001 {
		t.Errorf("closed with %d", old.code)
	}
	close(hold)
	young.hear("done") // commands of older events go to the new session
	young.hear("done")
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(order) == 4 })
	if got := fmt.Sprint(order); got != "[connect message message connect]" {
		t.Errorf("order: %s", got)
	}
	if request == nil || request.Name != runtime.DeviceOfflineError {
		t.Errorf("the waiting request: %v", request)
	}
}

func TestOperatorWriteIsSeenByTheNextSegment(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	seen := make(chan string, 1)
	r := newRig(t, onlyMessages(func(e *event) error {
		close(waiting)
		res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{
			{ID: 1, Kind: runtime.Request, Wait: time.Minute, Command: command(`{"type":"ask"}`)}}, Waiting: 1})
		if err != nil {
			return err
		}
		if res.KV == nil || len(res.KV.Pairs) != 1 {
			seen <- "nothing"
		} else {
			seen <- string(res.KV.Pairs[0].Value)
		}
		return e.end(runtime.Segment{})
	}))
	key := r.device("d")
	c := r.connect(key, true)
	c.say(`{"type":"x"}`)
	<-waiting
	if err := r.d.PutKV(t.Context(), key, "k", []byte(`"new"`), 0, dispatch.Condition{}); err != nil {
		t.Fatal(err)
	}
	ask := c.hear("ask")
	c.say(fmt.Sprintf(`{"type":"answer","$re":%q}`, ask["$id"]))
	if got := <-seen; got != `"new"` {
		t.Errorf("the next segment sees %s", got)
	}
}

func TestChangedVersionCallsConnectOnceBeforeTheNextEvent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var calls []string
	r := newRig(t, func(e *event) error {
		mu.Lock()
		calls = append(calls, fmt.Sprintf("%s %s %s", e.inv.Version, e.inv.Event.Kind, e.inv.Event.Payload))
		mu.Unlock()
		return e.end(runtime.Segment{})
	})
	key := r.device("d")
	c := r.connect(key, true)
	c.say(`{"type":"x","$id":"1"}`)
	c.hear("$ack")
	r.catalog.set(version("v2", versions.Rollback))
	r.d.Flipped(key.Project, []string{"app"})
	c.say(`{"type":"x","$id":"2"}`)
	c.hear("$ack")
	c.say(`{"type":"x","$id":"3"}`)
	c.hear("$ack")
	want := []string{
		`v1 connect {"reason":"connect"}`, `v1 message {"type":"x"}`,
		`v2 deploy {"reason":"rollback"}`, `v2 message {"type":"x"}`, `v2 message {"type":"x"}`,
	}
	mu.Lock()
	defer mu.Unlock()
	if fmt.Sprint(calls) != fmt.Sprint(want) {
		t.Errorf("calls:\n%q\nwant:\n%q", calls, want)
	}
}

func TestWallLimitEndsTheEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		_, err := e.commit(runtime.Segment{Begin: []runtime.Operation{{ID: 1, Kind: runtime.Timer, Wait: time.Hour}}, Waiting: 1})
		return err
	}))
	r.d.Limits.Wall = 50 * time.Millisecond
	c := r.connect(r.device("d"), true)
	c.say(`{"type":"x","$id":"1"}`)
	ack := c.hear("$ack")
	if e, _ := ack["error"].(map[string]any); ack["status"] != "error" || e["name"] != runtime.TimeoutError {
		t.Fatalf("ack: %v", ack)
	}
}

func TestLostRunBeginsAgainWithoutItsTimers(t *testing.T) {
	t.Parallel()
	r := newRig(t, onlyMessages(func(e *event) error {
		// The first run begins a timer and is lost; the second waits for its own.
		begun := make(chan error, 1)
		go func() {
			_, err := e.commit(runtime.Segment{Begin: []runtime.Operation{{ID: 1, Kind: runtime.Timer, Wait: time.Millisecond}}, Waiting: 1})
			begun <- err
		}()
		if err := <-begun; err != nil {
			return err
		}
		e.host.Restart()
		res, err := e.commit(runtime.Segment{Begin: []runtime.Operation{{ID: 2, Kind: runtime.Timer, Wait: time.Millisecond}}, Waiting: 1})
		if err != nil {
			return err
		}
		if res.Result.ID != 2 {
			t.Errorf("resumed with the result of a lost run: %+v", res.Result)
		}
		return e.end(runtime.Segment{})
	}))
	c := r.connect(r.device("d"), true)
	c.say(`{"type":"x","$id":"1"}`)
	if ack := c.hear("$ack"); ack["status"] != "ok" {
		t.Fatalf("ack: %v", ack)
	}
}
