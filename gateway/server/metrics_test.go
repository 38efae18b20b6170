package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

// metrics reads all series of a server: name with labels to value.
func (n *node) metrics() map[string]float64 {
	n.t.Helper()
	status, text := n.get("/metrics")
	if status != http.StatusOK {
		n.t.Fatalf("metrics: %d %s", status, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		if err != nil {
			n.t.Fatalf("not a metric: %q", line)
		}
		all[line[:i]] = value
	}
	return all
}

func TestMetricsCountWhatHappens(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("app", `export default { async onMessage(m, env) {
		if (m.type === "fail") throw new Error("as told");
		if (m.type === "spin") for (;;);
		await env.DEVICE.kv.put("n", m.n ?? 0);
		await env.DEVICE.send({ type: "note" }, { durable: true });
	} };`, "porch", "away")
	s := n.connect("porch", true)
	if _, err := n.Send(t.Context(), "home", "away", newCommand(1, "")); err != nil {
		t.Fatal(err)
	}
	before := n.metrics()
	for i := range 5 {
		s.acked(fmt.Sprint("m", i), `{"type":"tick"}`)
	}
	s.acked("m0", `{"type":"tick"}`)
	s.acked("bad", `{"type":"fail"}`)
	s.acked("slow", `{"type":"spin"}`)
	s.say(`{"no":"type"}`)
	s.hearKind("$error")
	after := n.metrics()
	grown := func(series string) float64 { return after[series] - before[series] }
	for series, least := range map[string]float64{
		`tendril_events_total{kind="message",outcome="ok"}`:      5,
		`tendril_events_total{kind="message",outcome="repeat"}`:  1,
		`tendril_events_total{kind="message",outcome="error"}`:   1,
		`tendril_events_total{kind="message",outcome="timeout"}`: 1,
		`tendril_frames_total{direction="in"}`:                   9,
		`tendril_frames_total{direction="out"}`:                  9,
		`tendril_frame_bytes_total{direction="in"}`:              100,
		`tendril_frames_refused_total`:                           1,
		`tendril_commit_seconds_count`:                           5,
		`tendril_commit_batch_size_count`:                        5,
		`tendril_commit_batch_size_sum`:                          5,
		`tendril_worker_turns_total`:                             6,
	} {
		if grown(series) < least {
			t.Errorf("%s grew by %v, want %v", series, grown(series), least)
		}
	}
	for series, want := range map[string]float64{
		`tendril_ready`: 1, `tendril_sessions`: 1, `tendril_sessions_opened_total`: 1, `tendril_mailbox_events`: 0,
		`tendril_outbox_commands`:       1,
		`tendril_workers{role="spare"}`: after[`tendril_workers{role="spare"}`],
	} {
		if got, there := after[series]; !there || got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if after["go_goroutines"] == 0 || after[`tendril_build_info{version=""}`] != 1 {
		t.Error("the runtime or the build is missing")
	}

	// A worker that is killed is counted, and so is the one in its place.
	for _, pid := range childrenOf(t, n.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	eventually(t, func() bool {
		m := n.metrics()
		return m[`tendril_worker_ends_total{rule="signalled"}`] >= 1 && m["tendril_worker_spawns_total"] > after["tendril_worker_spawns_total"]
	})

	named := regexp.MustCompile(`porch|away|home|app"`)
	for series := range after {
		if named.MatchString(series) {
			t.Errorf("%s names who uses the server", series)
		}
	}
}

func TestMetricsTakeAReadTokenOfTheServerItself(t *testing.T) {
	t.Parallel()
	n := start(t)
	ask := func(authorization ...string) int {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, n.URL+"/metrics", nil)
		request.Header["Authorization"] = authorization
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	token := func(project string, scopes ...string) string {
		asked := api.NewToken{Name: "test", Scopes: scopes}
		if project != "" {
			asked.Project = &project
		}
		made, err := n.CreateToken(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + made.Secret
	}
	n.deploy("app", `export default { onMessage() {} };`, "porch")
	for name, c := range map[string]struct {
		want          int
		authorization []string
	}{
		"none":         {401, nil},
		"device":       {401, []string{"Bearer " + n.token("porch")}},
		"malformed":    {401, []string{"Bearer tat_nonsense"}},
		"two":          {400, []string{"Bearer a", "Bearer b"}},
		"connect":      {403, []string{token("", "connect")}},
		"of a project": {403, []string{token("home", "read")}},
		"read":         {200, []string{token("", "read")}},
		"admin":        {200, []string{"Bearer " + n.Token}},
	} {
		if got := ask(c.authorization...); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestADrainingServerIsHealthyAndNotReady asks over a connection that was open
// before.
func TestADrainingServerIsHealthyAndNotReady(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.deploy("app", `export default { async onMessage() { await new Promise((done) => setTimeout(done, 2000)); } };`, "porch")
	s := n.connect("porch", true)
	s.say(`{"type":"tick","$id":"m1"}`)
	eventually(t, func() bool { return n.metrics()["tendril_worker_events"] >= 1 })
	if status, body := n.get("/ready"); status != http.StatusOK || !strings.Contains(body, `"ready"`) {
		t.Fatalf("ready: %d %s", status, body)
	}
	asks := []*wireClient{dialHTTP(t, n), dialHTTP(t, n)}
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.closed(); code != 1012 {
		t.Errorf("the device was closed with %d", code)
	}
	if status, body := asks[0].get("/ready"); status != http.StatusServiceUnavailable || !strings.Contains(body, "draining") {
		t.Errorf("ready in a drain: %d %s", status, body)
	}
	if status, body := asks[1].get("/health"); status != http.StatusOK {
		t.Errorf("health in a drain: %d %s", status, body)
	}
	_ = n.cmd.Wait()
}

// wireClient is one connection that stays open.
type wireClient struct {
	t    *testing.T
	url  string
	http http.Client
}

// dialHTTP opens a connection and asks once.
func dialHTTP(t *testing.T, n *node) *wireClient {
	t.Helper()
	c := &wireClient{t: t, url: n.URL, http: http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 10 * time.Second}}
	t.Cleanup(c.http.CloseIdleConnections)
	if status, _ := c.get("/health"); status != http.StatusOK {
		t.Fatalf("health: %d", status)
	}
	return c
}

func (c *wireClient) get(path string) (int, string) {
	c.t.Helper()
	response, err := c.http.Get(c.url + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text := make([]byte, 1024)
	k, _ := response.Body.Read(text)
	return response.StatusCode, string(text[:k])
}
