package vm

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestTrialReportsHandlersCronsAndOptions(t *testing.T) {
	t.Parallel()
	report, e := compile(t, script(`
		class Base { onDeviceConnect() {} }
		class Entry extends Base {
			static tendril = { isolation: "device", connectOnDeploy: false };
			crons = { nightly: "0 3 * * *", hourly: { schedule: "0 * * * *", timeZone: "Europe/London" } };
			onMessage = async () => {};
		}
		__tendril_export(Entry)`)).Try()
	if e != nil {
		t.Fatal(e)
	}
	got := strings.Join(report.Handlers, " ")
	for _, c := range report.Crons {
		got += " " + c.Name + "=" + string(c.Spec)
	}
	want := `onDeviceConnect onMessage hourly={"schedule":"0 * * * *","timeZone":"Europe/London"} nightly="0 3 * * *"`
	if got != want || report.Isolation != "device" || report.ConnectOnDeploy == nil || *report.ConnectOnDeploy {
		t.Errorf("got %s, %+v", got, report)
	}
}

func TestTrialOfAnObject(t *testing.T) {
	t.Parallel()
	report, e := compile(t, script(`__tendril_export({ tendril: { connectOnDeploy: true }, get crons() { return { a: "* * * * *" } }, onDeviceDisconnect() {} })`)).Try()
	if e != nil {
		t.Fatal(e)
	}
	if len(report.Handlers) != 1 || report.Handlers[0] != "onDeviceDisconnect" || len(report.Crons) != 1 || !*report.ConnectOnDeploy || report.Isolation != "" {
		t.Errorf("%+v", report)
	}
}

func TestTrialRefuses(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`5`:                                   "neither a class nor an object",
		`undefined`:                           "neither a class nor an object",
		`{ onMessage: "text" }`:               "onMessage is not a function",
		`{ onDeviceConnect: null }`:           "onDeviceConnect is not a function",
		`class { onDeviceDisconnect = 5 }`:    "onDeviceDisconnect is not a function",
		`{ tendril: { isolaton: "event" } }`:  `tendril has no option "isolaton"`,
		`{ tendril: { isolation: "none" } }`:  "tendril.isolation must be",
		`{ tendril: { isolation: {} } }`:      "tendril.isolation must be",
		`{ tendril: { connectOnDeploy: 1 } }`: "tendril.connectOnDeploy must be",
		`class { static tendril = [] }`:       "tendril must be an object",
		`{ crons: ["* * * * *"] }`:            "crons must be an object",
		`{ crons: { a: 5 } }`:                 `cron "a" must be`,
		`{ crons: { a: undefined } }`:         `cron "a" must be`,
		`class { constructor() { throw new RangeError("in the making") } }`: "in the making",
		`class { get crons() { throw new Error("read crons") } }`:           "read crons",
		`(Promise.reject(new Error("unhandled")), {})`:                      "unhandled",
	} {
		_, e := compile(t, script(`__tendril_export(`+value+`)`)).Try()
		if e == nil || !strings.Contains(e.Message, want) || e.File == "" {
			t.Errorf("%s: %+v", value, e)
		}
	}
	if _, e := compile(t, script(``)).Try(); e == nil || !strings.Contains(e.Message, "neither") {
		t.Errorf("no export: %+v", e)
	}
}

func TestTrialPointsAtTheOptions(t *testing.T) {
	t.Parallel()
	source := thermostat(t).source
	source.Code = []byte(strings.Replace(string(source.Code), `{ isolation: "event" }`, `{ isolation: "oddly" }`, 1))
	p, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	_, e := p.Try()
	if e == nil {
		t.Fatal("accepted")
	}
	text, _ := os.ReadFile("testdata/thermostat.ts")
	if lines := strings.Split(string(text), "\n"); e.File != "src/thermostat.ts" || !strings.Contains(lines[e.Line-1], "static tendril") {
		t.Errorf("%+v", e)
	}
}

func TestTrialCallsNoHandlerAndCanBeInterrupted(t *testing.T) {
	t.Parallel()
	if _, e := compile(t, class(`throw new Error("called")`)).Try(); e != nil {
		t.Error(e)
	}
	for _, code := range []string{`for (;;);`, `__tendril_export({ get onMessage() { for (;;); } })`, `__tendril_export(class { constructor() { for (;;); } })`} {
		trial := compile(t, script(code)).NewTrial()
		timer := time.AfterFunc(20*time.Millisecond, func() { trial.Interrupt("cpu") })
		_, e := trial.Run()
		timer.Stop()
		if e == nil || e.Limit != "cpu" || e.File == "" {
			t.Errorf("%s: %+v", code, e)
		}
	}
}
