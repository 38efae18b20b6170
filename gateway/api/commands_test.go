package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/device"
)

const commands = "/v1/projects/home/devices/lamp/commands"

func TestCommandToAnOfflineDeviceWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	before := time.Now()
	got := s.do("POST", commands, `{"command":{ "type":"fan", "speed":1.50, "on":true },"ttl":7200000,"key":"fan"}`)
	id, _ := got.body["id"].(string)
	if got.status != 202 || !strings.HasPrefix(id, "c-") || got.body["state"] != "queued" || len(got.body) != 2 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	home, err := s.Project(t.Context(), "home")
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := s.db.Load(t.Context(), device.Key{Project: home.ID, ID: "lamp"}, s.db.Epoch())
	if err != nil || len(state.Outbox) != 1 {
		t.Fatalf("outbox %+v, %v", state.Outbox, err)
	}
	waiting := state.Outbox[0]
	if string(waiting.Body) != `{"type":"fan","speed":1.50,"on":true}` || waiting.Key != "fan" {
		t.Errorf("waits %s with key %q", waiting.Body, waiting.Key)
	}
	if left := time.UnixMilli(waiting.Expires).Sub(before); left < 2*time.Hour-time.Second || left > 2*time.Hour+time.Minute {
		t.Errorf("expires in %v", left)
	}
}

func TestCommandsThatCannotBeSentAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	deep := strings.Repeat("[", 32) + strings.Repeat("]", 32)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no command":        {`{}`, 400, "invalid_request"},
		"no object":         {`{"command":[1]}`, 400, "bad_json"},
		"no type":           {`{"command":{"on":true}}`, 400, "missing_type"},
		"type no string":    {`{"command":{"type":5}}`, 400, "bad_type"},
		"type null":         {`{"command":{"type":null}}`, 400, "bad_type"},
		"empty type":        {`{"command":{"type":""}}`, 400, "bad_type"},
		"long type":         {`{"command":{"type":"` + strings.Repeat("é", 65) + `"}}`, 400, "bad_type"},
		"envelope's type":   {`{"command":{"type":"$ack"}}`, 400, "bad_type"},
		"escaped dollar":    {`{"command":{"type":"\u0024ack"}}`, 400, "bad_type"},
		"envelope's field":  {`{"command":{"type":"a","$id":"x"}}`, 400, "bad_command"},
		"duplicate key":     {`{"command":{"type":"a","b":1,"b":2}}`, 400, "duplicate_key"},
		"duplicate command": {`{"command":{"type":"a"},"command":{"type":"b"}}`, 400, "duplicate_key"},
		"number":            {`{"command":{"type":"a","b":1e999}}`, 400, "bad_number"},
		"depth":             {`{"command":{"type":"a","b":` + deep + `}}`, 400, "too_deep"},
		"over 64 KiB":       {`{"command":{"type":"a","b":"` + strings.Repeat("x", 64<<10) + `"}}`, 413, "too_large"},
		"far over":          {`{"command":{"type":"a","b":"` + strings.Repeat("x", 1<<20) + `"}}`, 413, "too_large"},
		"ttl too long":      {`{"command":{"type":"a"},"ttl":604800001}`, 400, "invalid_request"},
		"ttl negative":      {`{"command":{"type":"a"},"ttl":-1}`, 400, "invalid_request"},
		"unknown field":     {`{"command":{"type":"a"},"TTL":1}`, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { s.refused(s.do("POST", commands, c.body), c.status, c.code) })
	}
	s.refused(s.do("POST", strings.Replace(commands, "lamp", "nobody", 1), `{"command":{"type":"a"}}`), 404, "not_found")
}

func TestFullOutboxIsTold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	var err error
	sent := 0
	for i := 0; i < 101 && err == nil; i++ {
		_, err = s.Send(t.Context(), "home", "lamp", api.NewCommand{Command: json.RawMessage(fmt.Sprintf(`{"type":"c","i":%d}`, i))})
		sent = i
	}
	wantCode(t, err, 429, "queue_full")
	if sent != 100 {
		t.Errorf("%d commands fitted", sent)
	}
}

func TestClientSendsTheCommandAsTyped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addDevice("lamp", "light")
	send := func(text string) error {
		_, err := s.Send(t.Context(), "home", "lamp", api.NewCommand{Command: json.RawMessage(text)})
		return err
	}
	wantCode(t, send(`{"type":"a","type":"b"}`), 400, "duplicate_key")
	wantCode(t, send(`{"type":"a"},"key":"smuggled"`), 400, "bad_json")
	wantCode(t, send(``), 400, "bad_json")
	if err := send(`{"type":"a"}`); err != nil {
		t.Error(err)
	}
}
