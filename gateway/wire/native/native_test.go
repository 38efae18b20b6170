package native

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tendril-run/tendril/gateway/wire"
	"github.com/tendril-run/tendril/gateway/wire/wiretest"
)

// peer needs no translation: frames are JSON objects.
type peer struct{}

func (peer) Frame(object string) wire.Frame { return wire.Frame{Data: []byte(object)} }
func (peer) Object(f wire.Frame) (string, error) {
	return string(f.Data), wire.Check(f.Data, wire.Limits{})
}
func decode(text string) wire.Inbound { return newCodec().Decode(wire.Frame{Data: []byte(text)}) }
func newCodec() wire.Codec            { return Dialect{}.New(wire.DefaultLimits()) }
func encode(out wire.Outbound) string { f, _ := newCodec().Encode(nil, out); return string(f.Data) }

func TestConformance(t *testing.T) {
	t.Parallel()
	wiretest.Run(t, Dialect{}, peer{})
}

func TestTextThatIsNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, code string }{
		{``, "bad_json"},
		{`   `, "bad_json"},
		{`[]`, "bad_json"},
		{`"type"`, "bad_json"},
		{`null`, "bad_json"},
		{"\ufeff" + `{"type":"r"}`, "bad_json"},
		{`{"type":"r"} {}`, "bad_json"},
		{`{"type":"r",}`, "bad_json"},
		{`{'type':'r'}`, "bad_json"},
		{`{"type":"r","a":NaN}`, "bad_json"},
		{`{"type":"r","type":"r"}`, "duplicate_key"},
		{`{"type":"r","ty\u0070e":"r"}`, "duplicate_key"},
		{`{"type":"r","$id":"a","$id":"b"}`, "duplicate_key"},
		{`{"type":"r","a":{"b":1,"b":1}}`, "duplicate_key"},
		{`{"type":"r","a":1e999}`, "bad_number"},
		{`{"type":"\ud800"}`, "bad_type"},
		{`{"type":"r","$id":"\ud800"}`, "bad_id"},
	}
	for _, tt := range tests {
		got, ok := decode(tt.text).(wire.Malformed)
		if !ok || got.Code != tt.code || got.Message == "" || got.Fatal {
			t.Errorf("%s is %+v, want %s", tt.text, got, tt.code)
		}
	}
}

func TestBodyKeepsTheDevicesText(t *testing.T) {
	t.Parallel()
	m, ok := decode(`{ "type" : "r\u0065ading", "$id":"m-1", "n": 123456789012345678901234567890, "z":-0, "s":"\ud800" }`).(wire.Message)
	if want := `{ "type" : "r\u0065ading", "n": 123456789012345678901234567890, "z":-0, "s":"\ud800" }`; !ok || string(m.Body) != want {
		t.Errorf("body is %s", m.Body)
	}
}

func TestCommandsLookAsDocumented(t *testing.T) {
	t.Parallel()
	tests := [][2]string{
		{`{"type":"gpio_write","pin":25,"value":1}`, `{"type":"gpio_write","$id":"c-7","pin":25,"value":1}`},
		{`{"type":"reboot"}`, `{"type":"reboot","$id":"c-7"}`},
		{`{"pin":25,"type":"gpio_write"}`, `{"$id":"c-7","pin":25,"type":"gpio_write"}`},
	}
	for _, tt := range tests {
		if got := encode(wire.Command{ID: "c-7", Body: []byte(tt[0])}); got != tt[1] {
			t.Errorf("%s is sent as %s", tt[0], got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"reading","celsius":21.5}`, `{"type":"reading","$id":"m-1"}`, `{"type":"v","$re":"c-7"}`,
		`{"type":"$ack","$id":"c-7"}`, `{"type":"$hello","acks":true,"metadata":{"name":"x"}}`,
		`{"type":"$hello","metadata":[]}`, `{"type":""}`, `{"$id":"\u0000","type":"x"}`, `{"ty\u0070e":"x","type":"y"}`,
		`[`, `{}`, `{"type":"x","a":1e999}`, `{"type":"x","a":"\ud800"}`, ` {"$re" : "r" , "$id":"i","type":"x"} `,
	} {
		f.Add([]byte(seed))
	}
	hostile, err := os.ReadFile("../testdata/hostile.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(hostile)) {
		text, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		in := newCodec().Decode(wire.Frame{Data: data})
		if !bytes.Equal(before, data) {
			t.Fatalf("decoding changed the frame %q", before)
		}
		var body []byte
		switch in := in.(type) {
		case wire.Message:
			body = in.Body
		case wire.Reply:
			body = in.Result
		case wire.Malformed:
			if in.Code == "" || in.Message == "" {
				t.Fatalf("%q: refused without a reason", data)
			}
			return
		default:
			return
		}
		var object map[string]any
		if err := json.Unmarshal(body, &object); err != nil {
			t.Fatalf("%q: body %q: %v", data, body, err)
		}
		if _, has := object["$id"]; has || object["type"] == nil {
			t.Fatalf("%q: body %q", data, body)
		}
		sent := encode(wire.Command{ID: "c-1", Body: body})
		back, ok := decode(sent).(wire.Message)
		if !ok || back.ID != "c-1" {
			// The id may bring an object at the limit of values over it.
			if bad, is := decode(sent).(wire.Malformed); is && bad.Code == wire.TooManyNodes {
				return
			}
			t.Fatalf("%q: sent back as %q, read as %#v", body, sent, back)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	c := newCodec()
	for name, text := range map[string]string{
		"message":     `{"type":"reading","celsius":21.5,"humidity":40}`,
		"message+$id": `{"type":"reading","$id":"m-1","celsius":21.5,"humidity":40}`,
		"ack":         `{"type":"$ack","$id":"c-7"}`,
		"1KB":         `{"type":"reading","list":[` + strings.Repeat(`{"n":12.5,"s":"abc"},`, 45) + `{}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			f := wire.Frame{Data: []byte(text)}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				c.Decode(f)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	c := newCodec()
	for name, out := range map[string]wire.Outbound{
		"command": wire.Command{ID: "c-7", Body: []byte(`{"type":"gpio_write","pin":25,"value":1}`)},
		"ack":     wire.Acked{ID: "m-1", Status: wire.Ok},
	} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				c.Encode(buf, out)
			}
		})
	}
}
