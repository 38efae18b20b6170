package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tendril-run/tendril/gateway/api"
)

// TestScripts plays the transcripts of testdata, one for each verb. They run
// this binary as tendril, with real servers and children.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:      "testdata",
		Deadline: time.Now().Add(2 * time.Minute),
		Setup: func(env *testscript.Env) error {
			// A process under -race would sleep for a second before it ends.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": scriptReady,
			"say":   scriptSay,
			"keys":  scriptKeys,
			"until": scriptUntil,
			"retry": scriptRetry,
			"exits": scriptExits,
		},
	})
}

// scriptReady waits until the server of a data directory is ready, and points
// the verbs that follow to it: ready DIR.
func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	data := ts.MkAbs(args[0])
	var s localServer
	poll(ts, "a server in "+args[0], func() bool {
		text, err := os.ReadFile(filepath.Join(data, "server.json"))
		return err == nil && json.Unmarshal(text, &s) == nil && (&api.Client{URL: s.URL}).Health(context.Background()) == nil
	})
	ts.Setenv("TENDRIL_URL", s.URL)
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	ts.Check(err)
	ts.Setenv("TENDRIL_TOKEN", strings.TrimSpace(string(token)))
}

// scriptSay connects a device of a project, says messages, waits until all are
// acknowledged and prints the commands that the device heard:
// say PROJECT DEVICE JSON....
func scriptSay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: say PROJECT DEVICE JSON...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := &api.Client{URL: ts.Getenv("TENDRIL_URL"), Token: ts.Getenv("TENDRIL_TOKEN")}
	made, err := c.IssueToken(ctx, args[0], args[1], true)
	ts.Check(err)
	s := newSimulator(args[1], fmt.Sprint("say-", time.Now().UnixNano()), connector(c.URL, made.Token))
	ts.Check(s.connect(ctx))
	defer s.disconnect()
	for _, message := range args[2:] {
		ts.Check(s.send([]byte(message)))
	}
	ts.Check(s.settled(ctx, 20*time.Second))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, command := range s.waiting {
		fmt.Fprintf(ts.Stdout(), "%s\n", command)
	}
}

// scriptKeys checks which fields the JSON object in a file has, or the first one
// of an array: keys FILE NAME....
func scriptKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keys FILE NAME...")
	}
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	var object map[string]any
	if strings.HasPrefix(text, "[") {
		var rows []map[string]any
		ts.Check(json.Unmarshal([]byte(text), &rows))
		object = rows[0]
	} else {
		ts.Check(json.NewDecoder(strings.NewReader(text)).Decode(&object))
	}
	want := slices.Sorted(slices.Values(args[1:]))
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, want) {
		ts.Fatalf("fields are %q, want %q", got, want)
	}
}

// scriptUntil waits until a file holds a text: until FILE TEXT.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE TEXT")
	}
	poll(ts, args[1], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && strings.Contains(string(text), args[1])
	})
}

// scriptRetry runs a program until its output holds a text: log rows may show a
// little after the event that wrote them. retry TEXT PROGRAM ARG....
func scriptRetry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: retry TEXT PROGRAM ARG...")
	}
	poll(ts, args[0], func() bool {
		ts.Check(ts.Exec(args[1], args[2:]...))
		return strings.Contains(ts.ReadFile("stdout"), args[0])
	})
}

// scriptExits runs a program and checks its exit code: exits CODE PROGRAM ARG....
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if fmt.Sprint(exit.ExitCode()) != args[0] {
			ts.Fatalf("exit code is %d, want %s", exit.ExitCode(), args[0])
		}
	case err != nil:
		ts.Fatalf("%v", err)
	default:
		ts.Fatalf("exit code is 0, want %s", args[0])
	}
}

func poll(ts *testscript.TestScript, what string, done func() bool) {
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited in vain for %s", what)
		}
	}
}
