package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
	"github.com/tendril-run/tendril/versions"
)

// captured is an output whose text is kept without colours.
func captured(asJSON bool) (output, *bytes.Buffer) {
	var b bytes.Buffer
	return output{out: colorprofile.NewWriter(&b, nil), err: colorprofile.NewWriter(&b, nil), json: asJSON}, &b
}

func TestTableColumnsAreAligned(t *testing.T) {
	t.Parallel()
	o, b := captured(false)
	writeTable(o.out, []string{"A", "LONGER", "C"}, [][]string{
		{"müller", newStyles().good.Render("x"), "1"},
		{"b", "", "2"},
	})
	want := "A       LONGER  C\nmüller  x       1\nb               2\n"
	if b.String() != want {
		t.Errorf("\n%q\nwant\n%q", b.String(), want)
	}
}

func TestEmptyListIsAnEmptyArray(t *testing.T) {
	t.Parallel()
	cells := func(string) []string { return nil }
	o, b := captured(true)
	if err := list(o, nil, []string{"A"}, cells); err != nil || b.String() != "[]\n" {
		t.Errorf("%q, %v", b, err)
	}
	o, b = captured(false)
	if err := list(o, nil, []string{"A"}, cells); err != nil || b.String() != "" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	row := logs.Row{Level: runtime.Info, Message: "a\x1b[2Jb\u009bc\nd", Fields: []byte(`{"k":"\u001b"}`)}
	text := rowText(row)
	o, b := captured(false)
	fmt.Fprint(o.out, text)
	if strings.ContainsAny(b.String(), "\x1b\u009b") {
		t.Errorf("control characters pass: %q", b)
	}
	if !strings.Contains(b.String(), `a\x1b[2Jb\x9bc`) || !strings.Contains(b.String(), "\n    d") {
		t.Errorf("text is lost: %q", b)
	}
}

func TestErrorRowTellsWhereItCameFrom(t *testing.T) {
	t.Parallel()
	o, b := captured(false)
	err := showRow(o, logs.Row{Level: runtime.Error, Error: &runtime.ScriptError{
		Name: "RangeError", Message: "too hot", File: "a.ts", Line: 7, Column: 3,
		Cause: &runtime.ScriptError{Name: "Error", Message: "sensor", Stack: "at read (b.ts:1:1)"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"error  RangeError: too hot", "    at a.ts:7:3", "    caused by Error: sensor", "    at read (b.ts:1:1)"} {
		if !strings.Contains(b.String(), says) {
			t.Errorf("%q is missing in\n%s", says, b)
		}
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		json string
		exit int
	}{
		"usage":   {usageError{message: "m", hint: "h"}, `{"error":{"code":"usage","message":"m","hint":"h"}}`, 2},
		"source":  {fmt.Errorf("compile: %w", &versions.SourceError{File: "a.ts", Line: 1, Column: 2, Message: "m <b>"}), `{"error":{"code":"compile_error","message":"m <b>","file":"a.ts","line":1,"column":2}}`, 1},
		"project": {&versions.SourceError{File: projectFile, Message: "m"}, `{"error":{"code":"project_file","message":"m","file":"tendril.jsonc"}}`, 1},
		"answer":  {fmt.Errorf("logs of x: %w", &api.Error{Status: 404, Code: "not_found", Message: "m"}), `{"error":{"code":"not_found","message":"logs of x: m"}}`, 1},
		"conflict": {fmt.Errorf("deploy: %w", &api.Error{Status: 409, Code: "conflict", Message: "v2 is active"}),
			`{"error":{"code":"conflict","message":"conflict: deploy: v2 is active"}}`, 1},
		"foreign answer": {&api.Error{Status: 502, Message: "m"}, `{"error":{"code":"http_502","message":"m"}}`, 1},
		"other":          {errors.New("m"), `{"error":{"code":"failed","message":"m"}}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			explain(c.err).print(&b, true)
			if got := strings.TrimSpace(b.String()); got != c.json {
				t.Errorf("%s\nwant\n%s", got, c.json)
			}
			if got := exitCode(c.err); got != c.exit {
				t.Errorf("exit code %d, want %d", got, c.exit)
			}
		})
	}
}

func TestProblemShowsItsFrame(t *testing.T) {
	t.Parallel()
	o, b := captured(false)
	problem{Message: "no", File: "a.ts", Line: 3, Column: 1, Frame: "3 | x\n  | ^\n", More: 2, Hint: "h"}.print(o.err, false)
	want := "error: a.ts:3:1: no\n    3 | x\n      | ^\n       and 2 more\nhint: h\n"
	if b.String() != want {
		t.Errorf("%q\nwant\n%q", b.String(), want)
	}
}

func TestJSONIsWantedOnlyBeforeTheDashes(t *testing.T) {
	t.Parallel()
	if !wantsJSON([]string{"versions", "--json", "--nope"}) || wantsJSON([]string{"send", "x", "--", "--json"}) || wantsJSON(nil) {
		t.Error("--json is not found where it stands")
	}
}
