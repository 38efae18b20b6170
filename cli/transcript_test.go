package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var porchAndAttic = []placement{{"porch", "light"}, {"attic", "light"}}

func TestTranscriptLines(t *testing.T) {
	t.Parallel()
	acts, err := parseTranscript([]byte(`{"send":{"type":"reading","n":1.50}}

{"device":"attic","expect":{"type":"fan"}}
{"wait":20.5}
{"disconnect":true}
{"connect":true}`), porchAndAttic)
	if err != nil {
		t.Fatal(err)
	}
	want := []act{
		{Line: 1, Device: "porch", Send: []byte(`{"type":"reading","n":1.50}`)},
		{Line: 3, Device: "attic", Expect: []byte(`{"type":"fan"}`)},
		{Line: 4, Wait: 20500 * time.Microsecond},
		{Line: 5, Device: "porch", Disconnect: true},
		{Line: 6, Device: "porch", Connect: true},
	}
	if d := cmp.Diff(want, acts); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"porch", "attic"}, devicesOf(acts)); d != "" {
		t.Error(d)
	}
}

func TestWrongTranscriptLineIsNamed(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"send":{"type":"a"},"wait":1}`:     "one of send",
		`{}`:                                 "one of send",
		`{"sned":{"type":"a"}}`:              "sned",
		`{"send":7}`:                         "is an object",
		`{"expect":null}`:                    "is an object",
		`{"wait":-1}`:                        "milliseconds",
		`{"wait":1}{"wait":1}`:               "more than one",
		`{"device":"cellar","connect":true}`: "not in tendril.jsonc",
		`nonsense`:                           "invalid character",
	} {
		_, err := parseTranscript([]byte("{\"wait\":1}\n"+text+"\n"), porchAndAttic)
		var p problem
		if !errors.As(err, &p) || p.File != transcriptFile || p.Line != 2 || !strings.Contains(p.Message, says) {
			t.Errorf("%s: %+v; want line 2 and %q", text, err, says)
		}
	}
	if _, err := parseTranscript([]byte(`{"connect":true}`), nil); err == nil {
		t.Error("a line without a device is taken in a project without devices")
	}
}
