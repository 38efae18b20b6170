package native_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/native"
)

// frame is a sample as it stands on the wire.
func frame(t *testing.T, kind string, fields any) wire.Frame {
	t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	members["type"], _ = json.Marshal(kind)
	data, err = json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Frame{Data: data}
}

func TestShapesAreWhatTheGatewaySays(t *testing.T) {
	t.Parallel()
	limits := wire.DefaultLimits()
	said := map[string]wire.Outbound{
		"$welcome": wire.Welcome{Device: "d", Session: "s", Time: time.UnixMilli(1), Limits: limits},
		"$ack":     wire.Acked{ID: "m-1", Status: wire.Failed, Error: []byte(`{"name":"TypeError","message":"no"}`)},
		"$error":   wire.Refused{Code: native.BadID, Message: "no", ID: "m-2"},
	}
	for _, shape := range native.Shapes() {
		if shape.Device {
			continue
		}
		got, ok := native.Dialect{}.New(limits).Encode(nil, said[shape.Type])
		if !ok {
			t.Fatalf("%s is not said", shape.Type)
		}
		// Read into the shape and written again, nothing is lost and nothing is new.
		fields := reflect.New(reflect.TypeOf(shape.Fields))
		if err := json.Unmarshal(got.Data, fields.Interface()); err != nil {
			t.Fatal(err)
		}
		want := frame(t, shape.Type, fields.Elem().Interface())
		if d := cmp.Diff(object(t, want.Data), object(t, got.Data)); d != "" {
			t.Errorf("%s differs from its shape (-shape +said):\n%s", shape.Type, d)
		}
		delete(said, shape.Type)
	}
	if len(said) > 0 {
		t.Errorf("no shape for %v", said)
	}
}

func TestShapesAreWhatTheGatewayHears(t *testing.T) {
	t.Parallel()
	codec := native.Dialect{}.New(wire.DefaultLimits())
	heard := map[string]wire.Inbound{}
	for _, shape := range native.Shapes() {
		if shape.Device {
			heard[shape.Type] = codec.Decode(frame(t, shape.Type, shape.Fields))
		}
	}
	want := map[string]wire.Inbound{
		"$hello": wire.Hello{Acks: true, Metadata: []byte(`{"firmware":"1.2.0"}`)},
		"$ack":   wire.Ack{ID: "c-7"},
	}
	if d := cmp.Diff(want, heard); d != "" {
		t.Error(d)
	}
}

func TestStandardWordsAreOrdinaryFrames(t *testing.T) {
	t.Parallel()
	codec := native.Dialect{}.New(wire.DefaultLimits())
	words := append(native.Commands(), native.Messages()...)
	types := map[string]bool{}
	for _, w := range words {
		if types[w.Type] {
			t.Errorf("%s stands twice", w.Type)
		}
		types[w.Type] = true
		f := frame(t, w.Type, w.Fields)
		got, ok := codec.Decode(f).(wire.Message)
		if !ok || !bytes.Equal(got.Body, f.Data) {
			t.Errorf("%s is %#v on the wire, want the message %s", w.Type, codec.Decode(f), f.Data)
		}
	}
	for _, w := range native.Commands() {
		if w.Reply != "" && !types[w.Reply] {
			t.Errorf("%s is answered by %s, which is no standard message", w.Type, w.Reply)
		}
	}
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
