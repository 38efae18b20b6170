package wiretest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tendril-run/tendril/gateway/wire"
)

func (s suite) decodes(t *testing.T) {
	id64 := strings.Repeat("ß", 64)
	tests := []struct {
		object string
		want   wire.Inbound
	}{
		{`{"type":"reading","celsius":21.5}`, wire.Message{Body: []byte(`{"type":"reading","celsius":21.5}`)}},
		{`{"type":"reading","$id":"m-1","n":[1,null,true,{"a":""}]}`, wire.Message{ID: "m-1", Body: []byte(`{"type":"reading","n":[1,null,true,{"a":""}]}`)}},
		{`{"type":"r","$id":"` + id64 + `"}`, wire.Message{ID: id64, Body: []byte(`{"type":"r"}`)}},
		{`{"type":"` + id64 + `"}`, wire.Message{Body: []byte(`{"type":"` + id64 + `"}`)}},
		{`{"$x":1,"type":"r","id":"mine","re":"mine","acks":"mine","metadata":0}`, wire.Message{Body: []byte(`{"$x":1,"type":"r","id":"mine","re":"mine","acks":"mine","metadata":0}`)}},
		{`{"type":"r","text":"\u0000\ud83d\ude00\"\\"}`, wire.Message{Body: []byte(`{"type":"r","text":"\u0000😀\"\\"}`)}},
		{`{"type":"gpio_value","$re":"c-7","value":1}`, wire.Reply{Re: "c-7", Result: []byte(`{"type":"gpio_value","value":1}`)}},
		{`{"$re":"c-7","$id":"m-2","type":"gpio_value"}`, wire.Reply{Re: "c-7", Result: []byte(`{"type":"gpio_value"}`)}},
		{`{"type":"$ack","$id":"c-7"}`, wire.Ack{ID: "c-7"}},
		{`{"type":"$hello"}`, wire.Hello{}},
		{`{"type":"$hello","acks":true,"metadata":{"name":"porch"},"more":1}`, wire.Hello{Acks: true, Metadata: []byte(`{"name":"porch"}`)}},
		{`{"type":"$hello","acks":false,"metadata":{}}`, wire.Hello{Metadata: []byte(`{}`)}},
	}
	for _, tt := range tests {
		if got := s.codec().Decode(s.p.Frame(tt.object)); !alike(got, tt.want) {
			t.Errorf("%s is %s, want %s", tt.object, show(got), show(tt.want))
		}
	}
}

func (s suite) refuses(t *testing.T) {
	deep := func(n int) string {
		return `{"type":"r","a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	many := func(n int) string {
		return `{"type":"r","a":[` + strings.Repeat("1,", n-4) + `1]}`
	}
	long := strings.Repeat("x", 65)
	tests := []struct{ object, code, id string }{
		{`{}`, "missing_type", ""},
		{`{"$id":"m-1","Type":"r"}`, "missing_type", "m-1"},
		{`{"type":7,"$id":"m-1"}`, "bad_type", "m-1"},
		{`{"type":null}`, "bad_type", ""},
		{`{"type":""}`, "bad_type", ""},
		{`{"type":"` + long + `"}`, "bad_type", ""},
		{`{"type":"$"}`, "bad_type", ""},
		{`{"type":"$nothing","$id":"m-1"}`, "bad_type", "m-1"},
		{`{"type":"$welcome"}`, "bad_type", ""},
		{`{"type":"$error"}`, "bad_type", ""},
		{`{"type":"r","$id":7}`, "bad_id", ""},
		{`{"type":"r","$id":null}`, "bad_id", ""},
		{`{"type":"r","$id":""}`, "bad_id", ""},
		{`{"type":"r","$id":"` + long + `"}`, "bad_id", ""},
		{`{"type":"r","$id":"a\u0000b"}`, "bad_id", ""},
		{`{"type":"r","$id":"a\nb"}`, "bad_id", ""},
		{`{"type":"r","$re":{},"$id":"m-1"}`, "bad_id", "m-1"},
		{`{"type":"r","$re":""}`, "bad_id", ""},
		{`{"type":"$ack"}`, "bad_id", ""},
		{`{"type":"$ack","$id":-1}`, "bad_id", ""},
		{`{"type":"$hello","acks":1}`, "bad_hello", ""},
		{`{"type":"$hello","metadata":[],"$id":"h"}`, "bad_hello", "h"},
		{`{"type":"$hello","metadata":null}`, "bad_hello", ""},
		{deep(33), "too_deep", ""},
		{many(10_001), "too_many_nodes", ""},
	}
	for _, tt := range tests {
		name := tt.object[:min(len(tt.object), 80)]
		got, ok := s.codec().Decode(s.p.Frame(tt.object)).(wire.Malformed)
		if !ok || got.Code != tt.code || got.ID != tt.id || got.Message == "" || got.Fatal {
			t.Errorf("%s is %s, want %s with id %q", name, show(got), tt.code, tt.id)
		}
	}
	for _, fine := range []string{deep(32), many(10_000)} {
		if got, ok := s.codec().Decode(s.p.Frame(fine)).(wire.Message); !ok {
			t.Errorf("%.60s… at the limit is %s", fine, show(got))
		}
	}
}

func (s suite) leavesFramesAlone(t *testing.T) {
	f := s.p.Frame(`{"a":1,"$id":"m-1","type":"r","$re":"c-1","b":[2]}`)
	before := bytes.Clone(f.Data)
	c := s.codec()
	first := show(c.Decode(f))
	if !bytes.Equal(f.Data, before) {
		t.Errorf("decoding changed the frame to %q", f.Data)
	}
	in := c.Decode(f)
	c.Decode(s.p.Frame(`{"type":"other","x":"a longer frame than the one before, so that it would show"}`))
	c.Encode(make([]byte, 0, 256), wire.Command{ID: "c-9", Body: []byte(`{"type":"another"}`)})
	if got := show(in); got != first {
		t.Errorf("a later frame changed an earlier result from %s to %s", first, got)
	}
}

func (s suite) survivesDamage(t *testing.T) {
	for _, object := range []string{
		`{"type":"reading","$id":"m-1","n":[1,-2.5e3,null,true,{"a":"\ud83d\ude00\n"}]}`,
		`{"type":"$hello","acks":true,"metadata":{"name":"porch"}}`,
		`{"type":"v","$re":"r-1"}`,
	} {
		c := s.codec()
		damaged(s.p.Frame(object), func(f wire.Frame) {
			if c.Decode(f) == nil {
				t.Fatalf("%q decodes to nothing", f.Data)
			}
		})
	}
}

func (s suite) servesReaderAndWriter(t *testing.T) {
	c := s.codec()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			in := c.Decode(s.p.Frame(fmt.Sprintf(`{"type":"r","$id":"m-%d"}`, i)))
			if m, ok := in.(wire.Message); !ok || m.ID != fmt.Sprintf("m-%d", i) {
				t.Errorf("message %d is %s", i, show(in))
			}
		}
	})
	wg.Go(func() {
		for i := range 200 {
			want := fmt.Sprintf(`{"type":"x","$id":"c-%d","n":%d}`, i, i)
			f, _ := c.Encode(nil, wire.Command{ID: fmt.Sprintf("c-%d", i), Body: []byte(fmt.Sprintf(`{"type":"x","n":%d}`, i))})
			if got, err := s.p.Object(f); err != nil || !same(got, want) {
				t.Errorf("command %d is %s, %v", i, got, err)
			}
		}
	})
	wg.Wait()
}

// alike compares two inbound frames, bodies as JSON.
func alike(a, b wire.Inbound) bool {
	switch a := a.(type) {
	case wire.Message:
		b, ok := b.(wire.Message)
		return ok && a.ID == b.ID && same(string(a.Body), string(b.Body))
	case wire.Reply:
		b, ok := b.(wire.Reply)
		return ok && a.Re == b.Re && a.Error == nil && same(string(a.Result), string(b.Result))
	case wire.Hello:
		b, ok := b.(wire.Hello)
		return ok && a.Acks == b.Acks && (a.Metadata == nil) == (b.Metadata == nil) &&
			(a.Metadata == nil || same(string(a.Metadata), string(b.Metadata)))
	default:
		return a == b
	}
}

func show(in wire.Inbound) string {
	switch in := in.(type) {
	case wire.Message:
		return fmt.Sprintf("message %q %s", in.ID, in.Body)
	case wire.Reply:
		return fmt.Sprintf("reply to %q %s", in.Re, in.Result)
	case wire.Hello:
		return fmt.Sprintf("hello %v %s", in.Acks, in.Metadata)
	default:
		return fmt.Sprintf("%T%+v", in, in)
	}
}
