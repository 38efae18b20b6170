package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
)

// output is where a verb says its result: JSON for programs, else text for
// people, coloured only on a terminal and without NO_COLOR.
type output struct {
	out, err io.Writer
	json     bool
}

func newOutput(cmd *cobra.Command) output {
	asJSON, _ := cmd.Flags().GetBool("json")
	return output{
		out:  colorprofile.NewWriter(cmd.OutOrStdout(), os.Environ()),
		err:  colorprofile.NewWriter(cmd.ErrOrStderr(), os.Environ()),
		json: asJSON,
	}
}

// plain hides that a writer is a terminal from what would write escape sequences
// to it.
type plain struct{ io.Writer }

// plainUnlessColour honours NO_COLOR.
func plainUnlessColour(w io.Writer) io.Writer {
	if os.Getenv("NO_COLOR") == "" {
		return w
	}
	return plain{w}
}

// isTerminal says whether a person sits at the stream.
func isTerminal(stream any) bool {
	if p, ok := stream.(plain); ok {
		stream = p.Writer
	}
	f, ok := stream.(term.File)
	return ok && term.IsTerminal(f.Fd())
}

// note tells people something beside the result; programs are spared it.
func (o output) note(format string, args ...any) {
	if !o.json {
		fmt.Fprintln(o.err, newStyles().dim.Render(printable(fmt.Sprintf(format, args...))))
	}
}

// list prints rows: one JSON array, or a table with a line for each.
func list[T any](o output, rows []T, header []string, cells func(T) []string) error {
	if o.json {
		if rows == nil {
			rows = []T{}
		}
		return writeJSON(o.out, rows)
	}
	lines := make([][]string, len(rows))
	for i, row := range rows {
		lines[i] = cells(row)
	}
	writeTable(o.out, header, lines)
	return nil
}

// writeTable aligns columns. The header is left out when there are no rows.
func writeTable(w io.Writer, header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	s := newStyles()
	t := table.New().
		Border(lipgloss.HiddenBorder()).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).BorderColumn(false).BorderRow(false).
		Wrap(false).
		Headers(header...).
		Rows(rows...).
		StyleFunc(func(row, _ int) lipgloss.Style {
			if row == table.HeaderRow {
				return s.dim.PaddingRight(2)
			}
			return lipgloss.NewStyle().PaddingRight(2)
		})
	for line := range strings.Lines(t.Render() + "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// styles are the few ways in which text differs from text.
type styles struct{ strong, dim, good, warn, bad, in, out lipgloss.Style }

func newStyles() styles {
	s := lipgloss.NewStyle()
	return styles{
		strong: s.Bold(true),
		dim:    s.Foreground(lipgloss.BrightBlack),
		good:   s.Foreground(lipgloss.Green),
		warn:   s.Foreground(lipgloss.Yellow),
		bad:    s.Foreground(lipgloss.Red).Bold(true),
		in:     s.Foreground(lipgloss.Cyan),
		out:    s.Foreground(lipgloss.Magenta),
	}
}

// printable makes text from outside harmless to a terminal: control characters
// but newline and tab, and what turns the direction of text, are shown as escapes.
func printable(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// oneLine makes text from outside fit a cell of a table.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

// indent puts a prefix before every line.
func indent(s, prefix string) string {
	return prefix + strings.ReplaceAll(s, "\n", "\n"+prefix)
}

// size writes a number of bytes.
func size(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// moment writes a time of epoch milliseconds in the zone of the reader.
func moment(ms int64) string { return time.UnixMilli(ms).Format("2006-01-02 15:04:05") }

// number writes a version.
func number(n int) string { return fmt.Sprintf("v%d", n) }
