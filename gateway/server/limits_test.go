package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/server"
)

// TestEveryLimitIsSetAndToldByName sets each limit to its own told value, and to
// another one.
func TestEveryLimitIsSetAndToldByName(t *testing.T) {
	t.Parallel()
	standard := server.DefaultLimits()
	for i, l := range standard.Named() {
		if l.Name == "" || strings.ToLower(l.Name) != l.Name || !l.Default {
			t.Errorf("limit %d is told as %+v", i, l)
		}
		limits := server.DefaultLimits()
		if err := limits.Set(l.Name, l.Value); err != nil || limits != standard {
			t.Errorf("%s does not take its own value %s: %v", l.Name, l.Value, err)
		}
		other := "77"
		if _, err := time.ParseDuration(l.Value); err == nil && l.Value != "0" {
			other = "77s"
		}
		if err := limits.Set(l.Name, other); err != nil {
			t.Errorf("%s = %s: %v", l.Name, other, err)
		}
		changed := 0
		for k, now := range limits.Named() {
			if !now.Default {
				changed++
				if k != i {
					t.Errorf("%s changed %s", l.Name, now.Name)
				}
			}
		}
		if changed != 1 {
			t.Errorf("%s = %s changed %d limits", l.Name, other, changed)
		}
	}
}

func TestLimitsAreReadLikePeopleWriteThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, told string }{
		{"frame", "64KiB", "64KiB"},
		{"frame", "65536", "64KiB"},
		{"frame", "1000B", "1000B"},
		{"frame", "2 MiB", "2MiB"},
		{"log_total", "10GiB", "10GiB"},
		{"log_age", "14d", "336h"},
		{"event_wall", "1m30s", "1m30s"},
		{"kv_keys", " 5 ", "5"},
		{"database_size", "0", "0"},
	} {
		limits := server.DefaultLimits()
		if err := limits.Set(c.name, c.text); err != nil {
			t.Errorf("%s = %q: %v", c.name, c.text, err)
		}
		for _, l := range limits.Named() {
			if l.Name == c.name && l.Value != c.told {
				t.Errorf("%s = %q is told as %q", c.name, c.text, l.Value)
			}
		}
	}
	for _, c := range [][2]string{
		{"frmae", "1"}, {"", "1"}, {"frame", ""}, {"frame", "-1"}, {"frame", "1KB"}, {"frame", "0"}, {"frame", "9223372036854775807GiB"},
		{"event_wall", "30"}, {"event_wall", "0s"}, {"event_wall", "-1s"}, {"kv_keys", "1e3"}, {"kv_keys", "99999999999"},
	} {
		limits := server.DefaultLimits()
		if err := limits.Set(c[0], c[1]); !errors.Is(err, server.ErrLimit) {
			t.Errorf("%s = %q: %v", c[0], c[1], err)
		}
	}
}

// TestLimitsAreInForce starts a server with other limits and meets each kind.
func TestLimitsAreInForce(t *testing.T) {
	t.Parallel()
	n := start(t, limited("frame=2KiB", "json_depth=5", "event_sends=2", "kv_keys=3", "event_cpu=20ms", "ack_window=3"))
	n.deploy("app", `export default { async onMessage(m, env) {
		for (let i = 0; i < (m.sends ?? 0); i++) await env.DEVICE.send({ type: "c", i });
		for (let i = 0; i < (m.keys ?? 0); i++) await env.DEVICE.kv.put("k" + i, i);
	} };`, "porch")
	s := n.connect("porch", true)
	for i, c := range [][2]string{
		{`{"type":"a","sends":2}`, "ok"}, {`{"type":"a","sends":3}`, "error"},
		{`{"type":"a","keys":3}`, "ok"}, {`{"type":"a","keys":4}`, "error"},
	} {
		if f := s.acked(fmt.Sprint("m", i), c[0]); f["status"] != c[1] {
			t.Errorf("%s: %v", c[0], f)
		}
	}
	s.say(`{"type":"a","deep":[[[[[[1]]]]]]}`)
	if f := s.hearKind("$error"); f["code"] != "too_deep" {
		t.Errorf("depth: %v", f)
	}
	s.say(`{"type":"a","text":"` + strings.Repeat("x", 3000) + `"}`)
	if code := s.closed(); code != 1009 {
		t.Errorf("a frame over the limit closes with %d", code)
	}
	s, err := n.dial("porch", n.token("porch"))
	if err != nil {
		t.Fatal(err)
	}
	go s.read(true)
	told, _ := s.hearKind("$welcome")["limits"].(map[string]any)
	if told["frame"] != 2048.0 || told["depth"] != 5.0 {
		t.Errorf("the device is told %v", told)
	}
}
