package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the linker for a release.
var release string

// buildInfo says what this binary is.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func build() buildInfo {
	b := buildInfo{Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	return b
}

func versionCommand() *cobra.Command {
	return local(&cobra.Command{
		Use:     "version",
		Short:   "Tell which tendril this is",
		Example: "tendril version --json",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, b := newOutput(cmd), build()
			if o.json {
				return writeJSON(o.out, b)
			}
			fmt.Fprintf(o.out, "tendril %s", b.Version)
			if b.Commit != "" {
				fmt.Fprintf(o.out, " (%.7s)", b.Commit)
			}
			fmt.Fprintf(o.out, " %s %s/%s\n", b.Go, b.OS, b.Arch)
			return nil
		},
	})
}
