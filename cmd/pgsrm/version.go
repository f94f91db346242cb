package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"pgsrm/kernel"
)

// Set by releases: go build -ldflags "-X main.version=1.2.3 -X main.commit=HASH".
// Other builds have what the go command recorded.
var version, commit string

// newVersionCommand prints what this binary is.
func newVersionCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Long: `The version command, as the flag --version, prints the version, the commit it was
built from, the Go version, the platform and the kernel that computes here. With
--json it prints {"version","revision","modified","go","platform","kernel"}.

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
	Kernel   string `json:"kernel"` // instruction set in use
}

func runVersion(g *globalOptions) error {
	info, _ := debug.ReadBuildInfo()
	v := newVersionInfo(info)
	if g.JSON {
		return g.printJSON(v)
	}
	_, err := fmt.Fprintln(g.Stdout, v)
	return err
}

// String is the version as one line.
func (v versionInfo) String() string {
	modified := ""
	if v.Modified {
		modified = " (modified)"
	}
	return fmt.Sprintf("pgsrm %s, commit %s%s, %s, %s, kernel %s", v.Version, v.Revision, modified, v.Go, v.Platform, v.Kernel)
}

// newVersionInfo takes what a release set, else what the go command recorded, if it
// did.
func newVersionInfo(info *debug.BuildInfo) versionInfo {
	v := versionInfo{Version: "devel", Revision: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel.Name()}
	if info != nil {
		v.recorded(info)
	}
	if version != "" {
		v.Version = version
	}
	if commit != "" {
		v.Revision = commit
	}
	return v
}

// recorded takes what the go command wrote into the binary.
func (v *versionInfo) recorded(info *debug.BuildInfo) {
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
}
