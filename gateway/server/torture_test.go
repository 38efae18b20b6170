package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/server/torture"
)

// check is the checker's process: it carries out a plan and prints the report.
func check(text string) int {
	var plan torture.Plan
	err := json.Unmarshal([]byte(text), &plan)
	var report *torture.Report
	if err == nil {
		report, err = torture.Run(context.Background(), plan)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

// needsWorkers skips a test where the checker finds no worker to kill.
func needsWorkers(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("workers are found in /proc, which is not there")
	}
}

// ordeal is a plan for a server of this binary with faults planted in it.
func ordeal(t *testing.T, faults ...string) torture.Plan {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return torture.Plan{Server: append([]string{exe, "serve", "{data}"}, faults...), Dir: t.TempDir(), Seed: 1}
}

// run has a checker process carry out a plan.
func run(t *testing.T, plan torture.Plan) *torture.Report {
	t.Helper()
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(plan.Server[0], "torture", string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the checker: %v", err)
	}
	report := new(torture.Report)
	if err := json.Unmarshal(out, report); err != nil {
		t.Fatal(err)
	}
	return report
}

// TestTorture kills and harms a server under load, from outside. What began on
// an older version after a flip is judged by TestFlipsUnderLoad.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("long: runs without -short")
	}
	needsWorkers(t)
	plan := ordeal(t)
	plan.ServerKills, plan.WorkerKills, plan.Traces, plan.MaxTime = 20, 50, 6, 50*time.Second
	r := run(t, plan)
	t.Logf("\n%v", r)
	if r.Kills < 20 || r.WorkerKills < 50 || r.Drains < 1 || r.Stops < 2 || r.Flips < 5 || r.Acknowledged < 1000 {
		t.Error("not all of the plan was carried out")
	}
	if r.NoTrace == "" && r.Traced < 6 {
		t.Errorf("%d kills at a system call", r.Traced)
	}
	delete(r.Counts, torture.Unrevoked)
	if !r.Good() {
		t.Error("the server broke a promise")
	}
}

// TestTortureFindsPlantedFaults tries the checker itself.
func TestTortureFindsPlantedFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("long: runs without -short")
	}
	needsWorkers(t)
	for fault, c := range map[string]struct {
		kind  torture.Kindness
		kinds []torture.Kind
	}{
		ackBeforeCommit:     {torture.Lost, []torture.Kind{torture.Mute, torture.Plain}},
		commandBeforeCommit: {torture.Early, []torture.Kind{torture.Plain, torture.Burst}},
		idNotStored:         {torture.Repeated, nil},
		doubleRun:           {torture.Doubled, []torture.Kind{torture.Hold, torture.Late}},
	} {
		t.Run(fault, func(t *testing.T) {
			plan := ordeal(t, fault)
			plan.Kinds = c.kinds
			plan.ServerKills, plan.WorkerKills, plan.MaxTime, plan.Settle = 3, 8, 30*time.Second, 3*time.Second
			r := run(t, plan)
			if r.Counts[c.kind] == 0 {
				t.Errorf("nothing is %s:\n%v", c.kind, r)
			}
			t.Logf("found %v in %v", r.Counts, r.Took)
		})
	}
}
