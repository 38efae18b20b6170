package wiretest

import (
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/wire"
)

func (s suite) encodes(t *testing.T) {
	tests := []struct {
		out  wire.Outbound
		want string
	}{
		{wire.Command{Body: []byte(`{"type":"led","on":true}`)}, `{"type":"led","on":true}`},
		{wire.Command{ID: "c-7", Body: []byte(`{"type":"led","on":true}`)}, `{"type":"led","$id":"c-7","on":true}`},
		{wire.Command{ID: "c-7", Body: []byte(`{"on":true,"type":"led"}`)}, `{"type":"led","$id":"c-7","on":true}`},
		{wire.Command{ID: "c-7", Body: []byte(` { "type" : "l\"ed" } `)}, `{"type":"l\"ed","$id":"c-7"}`},
		{wire.Command{ID: "c-7", Body: []byte(`{"type":"l\"ed","x":"}"}`)}, `{"type":"l\"ed","$id":"c-7","x":"}"}`},
		{wire.Command{ID: "c-7", Body: []byte(`{"type":"x","$id":"forged","in":{"$id":"kept"}}`)}, `{"type":"x","$id":"c-7","in":{"$id":"kept"}}`},
		{wire.Command{Body: []byte(`{"type":"x","\u0024re":"forged"}`)}, `{"type":"x"}`},
		{wire.Acked{ID: "m-1", Status: wire.Ok}, `{"type":"$ack","$id":"m-1","status":"ok"}`},
		{wire.Acked{ID: "m\"1\x7f", Status: wire.Retry}, `{"type":"$ack","$id":"m\"1\u007f","status":"retry"}`},
		{wire.Acked{ID: "m-1", Status: wire.Failed, Error: []byte(`{"name":"Error","message":"no"}`)},
			`{"type":"$ack","$id":"m-1","status":"error","error":{"name":"Error","message":"no"}}`},
		{wire.Refused{Code: "bad_json", Message: "a \"quote\"\n\\ é \xff"}, `{"type":"$error","code":"bad_json","message":"a \"quote\"\n\\ é \ufffd"}`},
		{wire.Refused{Code: "bad_type", Message: "no", ID: "m-1"}, `{"type":"$error","code":"bad_type","message":"no","$id":"m-1"}`},
		{wire.Welcome{Device: "porch", Session: "s1", Time: time.UnixMilli(1700000000123), Limits: wire.DefaultLimits()},
			`{"type":"$welcome","device":"porch","session":"s1","time":1700000000123,"limits":{"frame":65536,"depth":32,"nodes":10000,"window":16,"ping_ms":25000,"idle_ms":60000,"hello_ms":10000}}`},
	}
	for _, tt := range tests {
		f, ok := s.codec().Encode(nil, tt.out)
		if !ok {
			t.Errorf("%+v has no frame", tt.out)
			continue
		}
		if f.Binary != s.d.Capabilities().Binary {
			t.Errorf("%+v is binary: %v", tt.out, f.Binary)
		}
		if got, err := s.p.Object(f); err != nil || !same(got, tt.want) {
			t.Errorf("%+v is %s, %v, want %s", tt.out, got, err, tt.want)
		}
	}
}

func (s suite) appends(t *testing.T) {
	c := s.codec()
	buf := make([]byte, 0, 1<<10)
	var want []string
	var cuts []int
	for _, body := range []string{`{"type":"a"}`, `{"type":"b","n":1}`, `{"type":"c","n":[]}`} {
		f, ok := c.Encode(buf, wire.Command{Body: []byte(body)})
		if !ok {
			t.Fatalf("%s has no frame", body)
		}
		want = append(want, body)
		cuts = append(cuts, len(buf))
		buf = f.Data
	}
	cuts = append(cuts, len(buf))
	for i, object := range want {
		f := wire.Frame{Binary: s.d.Capabilities().Binary, Data: buf[cuts[i]:cuts[i+1]]}
		if got, err := s.p.Object(f); err != nil || !same(got, object) {
			t.Errorf("frame %d in one buffer is %s, %v, want %s", i, got, err, object)
		}
	}
}
