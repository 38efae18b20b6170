package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

// get reads a path of the server with its token.
func (n *node) get(path string) (status int, body string) {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.URL+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+n.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// hoarder counts its messages and keeps 20 KB of each.
const hoarder = `export default { async onMessage(m, env) {
	const kv = env.DEVICE.kv;
	const n = ((await kv.get("n")) ?? 0) + 1;
	await kv.put("n", n);
	await kv.put("pad" + n, "x".repeat(20000));
} };`

// TestAQuotaThatIsReachedIsAFullDisk fills the main file up to its quota with the
// state of one device, and removes the device.
func TestAQuotaThatIsReachedIsAFullDisk(t *testing.T) {
	t.Parallel()
	n := start(t, limited("database_size=4MiB"))
	n.deploy("ballast", `export default { onMessage() {} };`, "ballast-0", "ballast-1", "ballast-2", "ballast-3", "ballast-4")
	fillsUp(t, n, func() {
		for size := 60_000; size > 50; size /= 4 {
			for i := range 80 {
				value := json.RawMessage(`"` + strings.Repeat("x", size) + `"`)
				err := n.PutPair(t.Context(), "home", fmt.Sprintf("ballast-%d", i/16), fmt.Sprintf("k-%d-%d", size, i), value, 0)
				if told := (*api.Error)(nil); errors.As(err, &told) && told.Status == http.StatusInsufficientStorage {
					break
				}
			}
		}
	}, func() {
		for i := range 5 {
			if err := n.RemoveDevice(t.Context(), "home", fmt.Sprintf("ballast-%d", i)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// fillsUp lets devices write while fill takes the room and free gives it back,
// and holds the server against what is promised of a full disk.
func fillsUp(t *testing.T, n *node, fill, free func()) {
	t.Helper()
	pid := n.cmd.Process.Pid
	n.deploy("hoarder", hoarder, "writer", "later")
	n.deploy("echo", `export default { onMessage(m, env) { return env.DEVICE.send({ type: "echo", n: m.n }); } };`, "reader")
	writer, reader := n.connect("writer", true), n.connect("reader", false)
	const before = 3
	for i := range before {
		if f := writer.acked(fmt.Sprint("m", i), `{"type":"tick"}`); f["status"] != "ok" {
			t.Fatalf("with room: %v", f)
		}
	}
	if status, body := n.get("/ready"); status != http.StatusOK {
		t.Fatalf("ready with room: %d %s", status, body)
	}

	reader.say(`{"type":"ping","n":1}`) // its first event stores which version ran
	reader.hearKind("echo")
	token := n.token("later")

	fill()
	stored := before
	for ; ; stored++ {
		f := writer.acked(fmt.Sprint("m", stored), `{"type":"tick"}`)
		if f["status"] == "retry" {
			break
		}
		if f["status"] != "ok" || stored > 40 {
			t.Fatalf("message %d without room: %v", stored, f)
		}
	}
	for range 5 { // again and again, the same
		if f := writer.acked(fmt.Sprint("m", stored), `{"type":"tick"}`); f["status"] != "retry" {
			t.Fatalf("without room: %v", f)
		}
	}
	reader.say(`{"type":"ping","n":7}`)
	if f := reader.hearKind("echo"); f["n"] != 7.0 {
		t.Errorf("an event that writes nothing: %v", f)
	}
	if got := n.value("writer", "n"); got != fmt.Sprint(stored) {
		t.Errorf("the state says %s, %d were acknowledged", got, stored)
	}
	if status, _ := n.get("/v1/projects/home/devices/writer/logs"); status != http.StatusOK {
		t.Errorf("logs: %d", status)
	}
	if status, _ := n.get("/health"); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	if status, body := n.get("/ready"); status != http.StatusServiceUnavailable || !strings.Contains(body, "storage_") {
		t.Errorf("ready: %d %s", status, body)
	}
	err := n.PutPair(t.Context(), "home", "later", "k", json.RawMessage(`"`+strings.Repeat("x", 60_000)+`"`), 0)
	if told := (*api.Error)(nil); !errors.As(err, &told) || told.Status != http.StatusInsufficientStorage && told.Status != http.StatusServiceUnavailable {
		t.Errorf("a write through the API: %v", err)
	}
	newcomer, err := n.dial("later", token) // connecting goes on
	if err != nil {
		t.Fatal(err)
	}
	newcomer.say(`{"type":"$hello","acks":true}`)
	go newcomer.read(true)
	newcomer.hearKind("$welcome")
	if writer.over() || reader.over() {
		t.Error("a connection was closed")
	}

	free()
	freed := time.Now()
	for writer.acked(fmt.Sprint("m", stored), `{"type":"tick"}`)["status"] != "ok" {
		if time.Since(freed) > patience {
			t.Fatal("it does not heal")
		}
	}
	healed := time.Since(freed)
	for status := 0; status != http.StatusOK; status, _ = n.get("/ready") {
		if time.Since(freed) > patience {
			t.Fatal("it is not ready again")
		}
	}
	ready := time.Since(freed)
	t.Logf("healed after %v, ready after %v", healed.Round(time.Millisecond), ready.Round(time.Millisecond))
	if healed > slack*time.Second || ready > slack*time.Second {
		t.Error("that is more than 1 s")
	}
	if f := writer.acked(fmt.Sprint("m", stored), `{"type":"tick"}`); f["status"] != "ok" {
		t.Errorf("a repeat: %v", f)
	}
	if got := n.value("writer", "n"); got != fmt.Sprint(stored+1) {
		t.Errorf("the state says %s after %d messages with effect", got, stored+1)
	}
	if f := newcomer.acked("first", `{"type":"tick"}`); f["status"] != "ok" {
		t.Errorf("who came meanwhile: %v", f)
	}
	if writer.over() || reader.over() || n.cmd.Process.Pid != pid || !alive(pid) {
		t.Error("a connection or the server ended")
	}
	if said := n.out.String(); strings.Count(said, "writes fail") > 3 || strings.Contains(said, "event not run") {
		t.Error("the log tells of every event")
	}
}
