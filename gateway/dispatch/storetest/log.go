package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/tendril-run/tendril/gateway/dispatch"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// record is the log of a failed event with two lines.
func record(o *owner, now int64) *logs.Record {
	return &logs.Record{Device: o.key, Script: "thermostat", Version: 3, EventID: "m-1", Kind: runtime.Message, At: now, Outcome: true,
		Lines: []runtime.Line{
			{Time: now, Level: runtime.Warn, Message: "too warm", Fields: []byte(`{"celsius":31}`)},
			{Time: now, Level: runtime.Info, Message: "bye"},
		},
		Error: &runtime.ScriptError{Name: "TypeError", Message: "x is not a function", File: "src/main.ts", Line: 3, Column: 9}}
}

// rows waits until a device has at least n rows.
func rows(t *testing.T, s *Subject, o *owner, n int) []logs.Row {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		changed := s.Logs.Changed()
		page, err := s.Logs.Logs(context.Background(), logs.Query{Device: o.key, Limit: logs.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) >= n {
			return page.Rows
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d rows after 10 s, want %d", len(page.Rows), n)
		}
	}
}

func lines(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	rec := record(o, s.Now())
	o.commit(dispatch.Change{Log: rec})
	got := rows(t, s, o, 3)
	for i := range got {
		if i > 0 && got[i].ID <= got[i-1].ID {
			t.Fatalf("ids do not ascend: %+v", got)
		}
	}
	event := logs.Event{ID: "m-1", Kind: runtime.Message}
	row := func(i int, level runtime.Level, message, fields string, err *runtime.ScriptError) logs.Row {
		return logs.Row{ID: got[i].ID, Time: rec.At, Level: level, Message: message, Fields: []byte(fields), Device: "d",
			Script: "thermostat", Version: 3, Event: event, Error: err}
	}
	want := []logs.Row{
		row(0, runtime.Warn, "too warm", `{"celsius":31}`, nil),
		row(1, runtime.Info, "bye", `{}`, nil),
		row(2, runtime.Error, "TypeError: x is not a function", `{}`, rec.Error),
	}
	same(t, want, got)
}

func refusedLog(t *testing.T, s *Subject) {
	o := own(t, s, "d")
	good := o.rev
	o.rev += "stale"
	wantError(t, o.try(dispatch.Change{Log: record(o, s.Now())}), dispatch.ErrConflict)
	o.rev = good
	rec := record(o, s.Now())
	rec.EventID = "m-2"
	o.commit(dispatch.Change{Log: rec})
	for _, row := range rows(t, s, o, 3) {
		if row.Event.ID != "m-2" {
			t.Fatalf("a refused change left %+v", row)
		}
	}
}
