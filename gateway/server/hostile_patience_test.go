package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/logs"
)

// drip sends pieces one by one until the server closes or the pieces end.
func (r raw) drip(pause time.Duration, pieces ...string) (gone chan struct{}) {
	gone = make(chan struct{})
	go func() {
		defer close(gone)
		for _, piece := range pieces {
			if _, err := io.WriteString(r.Conn, piece); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	return gone
}

func TestDrippedHandshakeIsClosedInFiveSeconds(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	r := v.open(t, "")
	begun := time.Now()
	gone := r.drip(time.Second/5, strings.Split(v.request(), "")...)
	status, _ := r.answer()
	if took := time.Since(begun); status == http.StatusSwitchingProtocols || took < 4*time.Second || took > 5*time.Second+slack*time.Second {
		t.Errorf("status %d after %v", status, took)
	}
	_ = r.Close()
	<-gone
	v.unharmed(t)
}

func TestDrippedMessagesAreClosedInTheirTime(t *testing.T) {
	t.Parallel()
	const limit, pause = time.Second, 300 * time.Millisecond
	v := newVictim(t, limited("message_time=1s"))
	header := rawFrame(0x81, message(200)) // 8 bytes of header
	for _, tt := range []struct {
		name   string
		pieces []string
	}{
		{"fragments", strings.SplitAfter(strings.Repeat(rawFrame(0x01, "{")+"\t", 1)+strings.Repeat(rawFrame(0x00, " ")+"\t", 20), "\t")},
		{"header", strings.Split(header[:8], "")},
		{"payload", strings.Split(header[8:40], "")},
		{"ping", strings.Split(rawFrame(0x89, strings.Repeat("p", 100)), "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pieces := tt.pieces
			if tt.name == "payload" {
				pieces[0] = header[:8] + pieces[0]
			}
			for i := range pieces {
				pieces[i] = strings.TrimSuffix(pieces[i], "\t")
			}
			r := v.upgrade(t)
			begun := time.Now()
			gone := r.drip(pause, pieces...)
			if code := r.closed(); code != 1008 {
				t.Errorf("closed with %d", code)
			}
			if took := time.Since(begun); took < limit || took > limit+slack*time.Second {
				t.Errorf("closed after %v", took)
			}
			<-gone
			v.unharmed(t)
		})
	}
	t.Run("pauses between messages are free", func(t *testing.T) {
		r := v.upgrade(t)
		for i := range 3 {
			id := fmt.Sprint("pause-", i)
			text := rawFrame(0x81, fmt.Sprintf(`{"type":"r","$id":%q}`, id))
			<-r.drip(700*time.Millisecond, text[:5], text[5:])
			if got := r.hearKind("$ack"); got["$id"] != id {
				t.Errorf("heard %v", got)
			}
		}
		_ = r.Close()
		v.unharmed(t)
	})
}

func TestPingsWithoutReadingPongsAreClosed(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	r := v.upgrade(t)
	_ = r.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	pings := strings.Repeat(rawFrame(0x89, strings.Repeat("p", 125)), 1000)
	var err error
	for err == nil {
		_ = r.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		_, err = io.WriteString(r.Conn, pings)
	}
	stuck := time.Now()
	v.gone(t)
	if took := time.Since(stuck); took > 10*time.Second+slack*time.Second {
		t.Errorf("closed %v after it was stuck", took)
	}
	_ = r.Close()
	v.unharmed(t)
}

// gone waits until the device is not connected.
func (v *victim) gone(t *testing.T) {
	t.Helper()
	eventually(t, func() bool {
		d, err := v.Device(t.Context(), "home", "prey")
		return err == nil && !d.Connected
	})
}

// A peer that is gone without a word neither reads nor answers.
func TestHalfOpenConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	v := newVictim(t, limited("ping=200ms", "read_deadline=1s"))
	r := v.upgrade(t)
	begun := time.Now()
	v.gone(t)
	if took := time.Since(begun); took < 900*time.Millisecond || took > time.Second+slack*time.Second {
		t.Errorf("let go after %v", took)
	}
	if code := r.closed(); code != 1008 { // what it would have read
		t.Errorf("closed with %d", code)
	}
	v.unharmed(t)
}

func TestClientThatStopsTakingCommandsKeepsThem(t *testing.T) {
	t.Parallel()
	v := newVictim(t, limited("ack_time=1s"))
	r := v.upgrade(t, "Sec-WebSocket-Protocol: tendril.v1.json")
	r.say(`{"type":"$hello","acks":true}`)
	const commands = 20 // more than the window
	for i := range commands {
		if _, err := v.Send(t.Context(), "home", "prey", newCommand(i, "")); err != nil {
			t.Fatal(err)
		}
	}
	v.gone(t)
	var first []any
	for {
		op, payload := r.next()
		if op != 1 {
			if code := int(payload[0])<<8 | int(payload[1]); op != 8 || code != 1013 {
				t.Errorf("ended with %d %q", op, payload)
			}
			break
		}
		var f frame
		if err := json.Unmarshal(payload, &f); err != nil {
			t.Fatal(err)
		}
		first = append(first, f["$id"])
	}
	if len(first) != 16 {
		t.Errorf("%d commands were sent", len(first))
	}
	_ = r.Close()
	again := v.connect("prey", true)
	for i := range commands {
		f := again.hearKind("cmd")
		if f["i"] != float64(i) || i < len(first) && f["$id"] != first[i] {
			t.Errorf("command %d came as %v, the first time as %v", i, f, first)
		}
	}
	again.acked("settled", `{"type":"r"}`)
	again.conn.Drop()
	v.unharmed(t)
}

func TestManyMessagesInOneSegmentTakeEffectInOrder(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	r := v.upgrade(t)
	var all strings.Builder
	for i := range 1000 {
		all.WriteString(rawFrame(0x81, fmt.Sprintf(`{"type":"r","i":%d,"$id":"seg-%d"}`, i, i)))
	}
	go r.send(all.String())
	for i := range 1000 {
		if got := r.hear(); got["$id"] != fmt.Sprint("seg-", i) || got["status"] != "ok" {
			t.Fatalf("message %d is answered with %v", i, got)
		}
	}
	if got := v.value("prey", "last"); got != `{"type":"r","i":999}` {
		t.Errorf("the last one was %s", got)
	}
	_ = r.Close()
	v.unharmed(t)
}

// What 200 messages a second are in a minute, as fast as the socket takes them.
func TestNoMessageOfAFloodIsLost(t *testing.T) {
	t.Parallel()
	const messages = 12_000
	v := newVictim(t)
	r := v.upgrade(t)
	_ = r.SetDeadline(time.Now().Add(10 * patience))
	go func() {
		for i := range messages / 100 {
			var some strings.Builder
			for j := range 100 {
				some.WriteString(rawFrame(0x81, fmt.Sprintf(`{"type":"r","i":%d}`, 100*i+j)))
			}
			r.send(some.String())
		}
		r.say(`{"type":"r","$id":"end"}`)
	}()
	var before, after int
	_, _ = fmt.Sscan(v.count("other"), &before)
	if got := r.hear(); got.kind() != "$ack" || got["$id"] != "end" {
		t.Fatalf("heard %v", got)
	}
	_, _ = fmt.Sscan(v.count("prey"), &after)
	if calm := 5; after != calm+messages+1 {
		t.Errorf("%d of %d messages ran", after-calm-1, messages)
	}
	_ = r.Close()
	v.unharmed(t)
}

func TestMessageBeforeTheEndOfAConnectionIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.deploy("pair", `export default { async onMessage(m, env) {
		if (m.i === undefined) return;
		await env.DEVICE.kv.put("a", m.i);
		await env.DEVICE.kv.put("b", m.i);
	} };`, "prey")
	for i := range 20 {
		r := v.upgrade(t)
		text := rawFrame(0x81, fmt.Sprintf(`{"type":"r","i":%d}`, i))
		r.send(text + text[:len(text)-i/2]) // and a part of another one
		if half, ok := r.Conn.(*net.TCPConn); ok && i%2 == 0 {
			_ = half.CloseWrite()
		} else {
			_ = r.Close()
		}
	}
	v.unharmed(t) // what was said before has run
	if a, b := v.value("prey", "a"), v.value("prey", "b"); a != b || a == "" {
		t.Errorf("a is %s, b is %s", a, b)
	}
}

func TestDeviceIDsThatDifferInCaseAreTwoDevices(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.deploy("parrot", parrot, "case-A", "case-a")
	upper, lower := v.connect("case-A", true), v.connect("case-a", true)
	upper.acked("m", `{"type":"r","who":"upper"}`)
	lower.acked("m", `{"type":"r","who":"lower"}`)
	if a, b := v.value("case-A", "last"), v.value("case-a", "last"); a != `{"type":"r","who":"upper"}` || b != `{"type":"r","who":"lower"}` {
		t.Errorf("they have %s and %s", a, b)
	}
	upper.conn.Drop()
	lower.conn.Drop()
	v.unharmed(t)
}

// The text that a device sends is one row of its log and no line of the server's.
func TestLogInjectionBecomesOneEscapedLine(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	const evil = "x\r\n\x1b[2J\x1b]0;owned\a{\"level\":\"error\",\"msg\":\"forged\"}\nlevel=ERROR msg=forged\x00\u2028\u202e"
	text, _ := json.Marshal(evil)
	r := v.upgrade(t)
	r.say(fmt.Sprintf(`{"type":"r","$id":"log","log":%s}`, text))
	if got := r.hearKind("$ack"); got["status"] != "ok" {
		t.Fatalf("acknowledged with %v", got)
	}
	var rows []logs.Row
	eventually(t, func() bool {
		page, err := v.Logs(t.Context(), "home", "prey", api.LogQuery{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		rows = page.Items
		return len(rows) > 0
	})
	if len(rows) != 1 || rows[0].Level != "warn" || rows[0].Message != evil {
		t.Errorf("the log holds %+v", rows)
	}
	line, err := json.Marshal(rows[0])
	if err != nil || strings.ContainsFunc(string(line), func(c rune) bool { return c < ' ' }) {
		t.Errorf("its line is %q, %v", line, err)
	}
	_ = r.Close()
	v.secrets = append(v.secrets, "forged", "owned", "\x1b")
	v.unharmed(t)
}
