package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tendril-run/tendril/versions"
)

func deployCommand() *cobra.Command {
	var (
		message string
		expect  []string
	)
	cmd := &cobra.Command{
		Use:   "deploy [DIR]",
		Short: "Compile the scripts of a project and make them active",
		Long: "Compile the scripts of the project in this folder (or DIR), upload them and make them active, all or none. " +
			"Devices run the new version from their next event, without a reconnect. " +
			"The deploy fails with a conflict when another one came between.",
		Example: `tendril deploy -m "warmer"
tendril deploy --expect thermostat=v12`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, o := cmd.Context(), newOutput(cmd)
			p, err := findProject(append(args, ".")[0])
			if errors.Is(err, errNoProject) {
				return problem{Code: "no_project", Message: err.Error(), Hint: "run it in a project's folder, or name the folder"}
			}
			if err != nil {
				return err
			}
			expected, err := parseExpect(expect, p)
			if err != nil {
				return err
			}
			s := readSettings(cmd, ".")
			s.project = cmp.Or(s.project, p.Name)
			p.Name = s.project
			t, err := s.target(p.Root)
			if err != nil {
				return err
			}
			t.name(o)
			for _, d := range strayDevices(p) {
				warning(o.err, "device %s runs script %s, which is not in %s", d.Device, d.Script, projectFile)
			}
			if err := writeTypes(p.Root); err != nil {
				warning(o.err, "%v", err)
			}
			c, err := newCompiler()
			if err != nil {
				return err
			}
			done, err := deploy{project: p, expect: expected, message: message, compiler: c}.run(ctx, t)
			if err != nil {
				return err
			}
			if o.json {
				return writeJSON(o.out, done)
			}
			done.print(o)
			return nil
		},
	}
	cmd.Flags().StringVarP(&message, "message", "m", "", "what changed, for the history")
	cmd.Flags().StringArrayVar(&expect, "expect", nil, "SCRIPT=vN that must be active now (none: SCRIPT=none); may be repeated")
	return cmd
}

// parseExpect reads what the author says must be active.
func parseExpect(texts []string, p project) (map[string]*int, error) {
	expect := make(map[string]*int, len(texts))
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usageError{message: fmt.Sprintf("invalid expectation %q", text), hint: "--expect SCRIPT=vN"}
		}
		if !slices.ContainsFunc(p.Scripts, func(s versions.Script) bool { return s.Name == name }) {
			return nil, problem{Code: "unknown_script", Message: fmt.Sprintf("expect %s: no such script in %s", text, projectFile)}
		}
		if value == "none" {
			expect[name] = nil
			continue
		}
		n, err := parseVersion(value)
		if err != nil {
			return nil, err
		}
		expect[name] = &n
	}
	return expect, nil
}

// strayDevices are those whose script the project file does not name.
func strayDevices(p project) []placement {
	return slices.DeleteFunc(slices.Clone(p.Devices), func(d placement) bool {
		return slices.ContainsFunc(p.Scripts, func(s versions.Script) bool { return s.Name == d.Script })
	})
}

// print shows a deploy on one screen.
func (d deployed) print(o output) {
	on := map[string]int{}
	for _, device := range d.Devices {
		on[device.Script]++
	}
	rows := make([][]string, len(d.Scripts))
	for i, s := range d.Scripts {
		rows[i] = []string{
			s.Script, step(s.Previous, s.Version), size(s.Size),
			fmt.Sprintf("%.0f ms", s.MS.Compile+s.MS.Upload+s.MS.Activate), devicesText(on[s.Script]),
		}
	}
	writeTable(o.out, []string{"SCRIPT", "VERSION", "SIZE", "TIME", "DEVICES"}, rows)
	for _, device := range d.Devices {
		if device.Created {
			fmt.Fprintf(o.out, "made device %s; `tendril devices token %s` makes its token\n", device.ID, device.ID)
		}
	}
}

func devicesText(n int) string {
	switch n {
	case 0:
		return "–"
	case 1:
		return "1 device"
	}
	return fmt.Sprintf("%d devices", n)
}
