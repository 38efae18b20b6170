package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/gateway/api"
	"github.com/tendril-run/tendril/gateway/logs"
	"github.com/tendril-run/tendril/runtime"
)

// logFlags say which rows of a device's log are wanted.
type logFlags struct {
	limit  int
	since  duration
	level  string
	follow bool
}

func logsCommand() *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "logs DEVICE",
		Short: "Read the log of a device, oldest first",
		Long:  "Read what the script of a device wrote to its console, and how its events failed: the newest rows, oldest first.",
		Example: `tendril logs kitchen
tendril logs kitchen --since 1h --level warn
tendril logs kitchen -f --json`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.limit < 0 {
				return usageError{message: "--limit is a number of rows", hint: cmd.UseLine()}
			}
			if f.level != "" && runtime.Level(f.level).Rank() < 0 {
				return usageError{message: fmt.Sprintf("unknown level %q", f.level), hint: "debug, info, warn or error"}
			}
			t, err := findTarget(cmd)
			if err != nil {
				return err
			}
			o := newOutput(cmd)
			show := func(row logs.Row) error { return showRow(o, row) }
			cursor, err := t.newest(cmd.Context(), args[0], f, time.Now(), show)
			if err != nil {
				return t.failed(cmd.Context(), "logs of "+args[0], err)
			}
			if !f.follow {
				return nil
			}
			w := follower{
				device: args[0], cursor: cursor, level: runtime.Level(f.level), show: show, note: o.note,
				find: func() (target, error) { return findTarget(cmd) },
			}
			return w.follow(cmd.Context(), t)
		},
	}
	cmd.Flags().IntVar(&f.limit, "limit", 100, "how many of the newest rows")
	cmd.Flags().Var(&f.since, "since", "only rows of the last while, such as 1h")
	cmd.Flags().StringVar(&f.level, "level", "", "least level: debug, info, warn or error")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on showing rows as they come")
	return cmd
}

// newest shows the newest rows that are wanted, oldest first, and returns the
// cursor behind the last row there is.
func (t target) newest(ctx context.Context, device string, f logFlags, now time.Time, show func(logs.Row) error) (string, error) {
	q := api.LogQuery{Limit: max(1, min(f.limit, logs.MaxLimit)), Level: runtime.Level(f.level)}
	switch {
	case f.since > 0:
		q.Since, q.Limit = now.Add(-time.Duration(f.since)).UnixMilli(), logs.MaxLimit
	case f.limit > logs.MaxLimit:
		// The newest page is one page at most: more of it is found from the front.
		q.Since = 1
	}
	paged := q.Since > 0
	var rows []logs.Row
	for {
		page, err := t.Logs(ctx, t.project, device, q)
		if err != nil {
			return "", err
		}
		rows = append(rows, page.Items...)
		rows = rows[max(0, len(rows)-f.limit):]
		if !paged || len(page.Items) < q.Limit {
			for _, row := range rows {
				if err := show(row); err != nil {
					return "", err
				}
			}
			return page.Cursor, nil
		}
		q.Cursor, q.Since = page.Cursor, 0
		rows = slices.Clip(rows)
	}
}

// showRow prints one row: an object for programs, a line for people with what
// went wrong below it.
func showRow(o output, row logs.Row) error {
	if o.json {
		return writeJSON(o.out, row)
	}
	_, err := fmt.Fprintf(o.out, "%s  %s  %s\n",
		newStyles().dim.Render(time.UnixMilli(row.Time).Format("2006-01-02 15:04:05.000")),
		level(row.Level), rowText(row))
	return err
}

// rowText is the message of a row with its fields, and below it where an error
// came from.
func rowText(row logs.Row) string {
	s := newStyles()
	text := strings.ReplaceAll(printable(row.Message), "\n", "\n    ")
	if f := string(row.Fields); f != "" && f != "{}" && f != "null" {
		text += "  " + s.dim.Render(printable(f))
	}
	if row.Error == nil {
		return text
	}
	if text == "" {
		text = printable(row.Error.Name + ": " + row.Error.Message)
	}
	for e := row.Error; e != nil; e = e.Cause {
		if e != row.Error {
			text += "\n    caused by " + printable(e.Name+": "+e.Message)
		}
		switch {
		case e.Stack != "":
			text += "\n" + s.dim.Render(indent(strings.Trim(printable(e.Stack), "\n"), "    "))
		case e.File != "":
			text += "\n" + s.dim.Render(fmt.Sprintf("    at %s:%d:%d", printable(e.File), e.Line, e.Column))
		}
	}
	return text
}

// level writes a level, five cells wide.
func level(l runtime.Level) string {
	s, text := newStyles(), fmt.Sprintf("%-5s", l)
	switch l {
	case runtime.Error:
		return s.bad.Render(text)
	case runtime.Warn:
		return s.warn.Render(text)
	case runtime.Debug:
		return s.dim.Render(text)
	}
	return text
}
