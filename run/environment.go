package run

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"pgsrm/embed"
	"pgsrm/kernel"
)

// environment is environment.json: what a run was made with and from. It is
// written once, when the run begins.
type environment struct {
	Started  string         `json:"started"` // RFC 3339
	Revision string         `json:"revision"`
	Go       string         `json:"go"`
	Platform string         `json:"platform"`
	CPUs     int            `json:"cpus"`
	Kernel   string         `json:"kernel"` // instruction set of the engine
	Task     string         `json:"task_sha256"`
	Child    string         `json:"child_sha256"` // weights of the start child
	Weights  int            `json:"child_weights"`
	Embedder embed.Identity `json:"embedder"`
	Steps    int            `json:"steps"`
}

// writeEnvironment describes the run as it begins.
func (r *run) writeEnvironment() error {
	text, err := json.MarshalIndent(environment{
		Started: r.clock().UTC().Format(time.RFC3339), Revision: revision(), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Kernel: kernel.Name(),
		Task: r.task.Digest(), Child: r.startSHA, Weights: r.model.NumParams(),
		Embedder: r.embedder.Identity(), Steps: r.steps,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	return r.dir.write(environmentFile, append(text, '\n'))
}

// checkEnvironment refuses to go on with another task or another start child
// than the run began with.
func (r *run) checkEnvironment() error {
	text, err := os.ReadFile(r.dir.file(environmentFile))
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	var env environment
	if err := json.Unmarshal(text, &env); err != nil {
		return fmt.Errorf("environment: %s: %w", environmentFile, err)
	}
	for _, c := range []struct{ what, began, now string }{
		{"task", env.Task, r.task.Digest()}, {"child", env.Child, r.startSHA},
	} {
		if c.began != c.now {
			return configErrorf("%s: must be what the run began with (sha256 %.12s, got %.12s)", c.what, c.began, c.now)
		}
	}
	return nil
}

// revision is the version control revision of the binary.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
