package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// newVersionCommand prints what this binary is.
func newVersionCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Long: `The version command prints the module version, the revision it was built from,
the Go version and the platform.

EXAMPLES
  pgsrm version
  pgsrm version --json
` + exitStatusHelp,
		RunE: func(*cobra.Command, []string) error { return runVersion(g) },
	}
}

// versionInfo is the output of version --json.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Modified bool   `json:"modified"` // built from a tree with uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func runVersion(g *globalOptions) error {
	v := buildVersion()
	if g.JSON {
		return g.printJSON(v)
	}
	_, err := fmt.Fprintf(g.Stdout, "pgsrm %s revision %s %s %s\n", v.Version, v.Revision, v.Go, v.Platform)
	return err
}

// buildVersion reads what the Go linker recorded.
func buildVersion() versionInfo {
	v := versionInfo{Version: "devel", Revision: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
