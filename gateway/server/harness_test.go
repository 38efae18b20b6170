package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/api"
)

const patience = 30 * time.Second // for things that normally take milliseconds

// node is a real server process on a data directory of its own.
type node struct {
	t    testing.TB
	data string
	env  []string // beside the test's own
	cmd  *exec.Cmd
	in   io.Writer     // asks for its vitals, a line each
	said *bufio.Reader // its standard output
	out  *output
	*api.Client
}

// start runs a server on an empty data directory, with a project "home".
func start(t testing.TB, env ...string) *node {
	t.Helper()
	n := &node{t: t, data: t.TempDir(), env: env}
	n.boot()
	if _, err := n.CreateProject(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	return n
}

// boot starts the process and waits until it listens.
func (n *node) boot() {
	n.t.Helper()
	if err := n.tryBoot(); err != nil {
		n.t.Fatalf("server did not start: %v\n%s", err, n.out)
	}
}

// tryBoot starts the process. An error means that it has ended without ever
// listening.
func (n *node) tryBoot() error {
	n.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		n.t.Fatal(err)
	}
	n.out = new(output)
	n.cmd = exec.Command(exe, "serve", n.data)
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stderr = n.out
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	n.said = bufio.NewReader(stdout)
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	cmd := n.cmd
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if n.t.Failed() {
			n.t.Logf("server said:\n%s", n.out)
		}
	})
	line, err := n.said.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		return err
	}
	token, err := os.ReadFile(filepath.Join(n.data, "admin-token"))
	if err != nil {
		n.t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	n.Client = &api.Client{URL: url, Token: strings.TrimSpace(string(token))}
	return nil
}

// kill ends the server as a power cut would, and waits for it.
func (n *node) kill() {
	n.t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	_ = n.cmd.Wait()
}

// terminate ends the server as a service manager would.
func (n *node) terminate() error {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	return n.cmd.Wait()
}

// deploy makes one script live for devices, which it makes where needed.
func (n *node) deploy(script, source string, devices ...string) api.MadeDeployment {
	n.t.Helper()
	made := n.upload(script, source)
	d := api.NewDeployment{
		Kind:    "deploy",
		Scripts: map[string]int{script: made.Versions[0].Version},
		Devices: map[string]string{},
	}
	for _, id := range devices {
		d.Devices[id] = script
	}
	deployed, err := n.Deploy(n.t.Context(), "home", d)
	if err != nil {
		n.t.Fatalf("deploy %s: %v", script, err)
	}
	return deployed
}

// upload makes a version without making it live.
func (n *node) upload(script, source string) api.MadeVersions {
	n.t.Helper()
	main := script + ".ts"
	made, err := n.MakeVersions(n.t.Context(), "home", api.NewVersions{
		Files:   map[string]string{main: source},
		Scripts: map[string]api.ScriptSource{script: {Main: main}},
	})
	if err != nil {
		n.t.Fatalf("upload %s: %v", script, err)
	}
	return made
}

// rollback makes an earlier version live again.
func (n *node) rollback(script string, to int) {
	n.t.Helper()
	_, err := n.Deploy(n.t.Context(), "home", api.NewDeployment{Kind: "rollback", Scripts: map[string]int{script: to}})
	if err != nil {
		n.t.Fatalf("rollback %s: %v", script, err)
	}
}

// value reads a key of a device's state, "" where it is missing.
func (n *node) value(device, key string) string {
	n.t.Helper()
	p, err := n.Pair(n.t.Context(), "home", device, key)
	if err != nil {
		return ""
	}
	return string(p.Value)
}

// rows reads a device's whole log once it holds at least n rows.
func (n *node) rows(device string, atLeast int) []json.RawMessage {
	n.t.Helper()
	var rows []json.RawMessage
	eventually(n.t, func() bool {
		page, err := n.Logs(n.t.Context(), "home", device, api.LogQuery{Limit: 1000})
		if err != nil {
			n.t.Fatal(err)
		}
		rows = rows[:0]
		for _, row := range page.Items {
			data, _ := json.Marshal(row)
			rows = append(rows, data)
		}
		return len(rows) >= atLeast
	})
	return rows
}

// eventually waits until a condition holds.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not come true in time")
		}
	}
}

func newDevice(id, script string) api.NewDevice { return api.NewDevice{DeviceID: id, Script: script} }

func newCommand(i int, key string) api.NewCommand {
	return api.NewCommand{Command: json.RawMessage(`{"type":"cmd","i":` + strconv.Itoa(i) + `}`), Key: key}
}

// childrenOf lists the processes that a process started.
func childrenOf(t testing.TB, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, task := range tasks {
		data, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(data)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, child)
		}
	}
	return pids
}

// alive says whether a process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return len(after) > 0 && after[0] != 'Z'
}

// output is what a process has said so far. It may be read while it grows.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
