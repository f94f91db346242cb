package run

import (
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/kernel"
)

// Environment is environment.json: what a run was made with and from. It is
// written once, when the run begins.
type Environment struct {
	Started     string         `json:"started"` // RFC 3339
	Revision    string         `json:"revision"`
	Go          string         `json:"go"`
	Platform    string         `json:"platform"` // GOOS/GOARCH
	CPUs        int            `json:"cpus"`
	Kernel      string         `json:"kernel"` // instruction set of the engine (kernel.Name)
	Task        string         `json:"task_sha256"`
	Child       string         `json:"child_sha256"`                  // weights of the start child
	ChildFolder string         `json:"child_folder_sha256,omitempty"` // of its folder, see hf.Digest; "" where it has none
	Weights     int            `json:"child_weights"`
	Teacher     string         `json:"teacher_sha256,omitempty"` // weights of the model whose distributions are learned
	Embedder    embed.Identity `json:"embedder"`
	Steps       int            `json:"steps"`
	Command     string         `json:"command,omitempty"` // that began the run, keys in URLs blotted out
	Program     string         `json:"program,omitempty"` // version of the program
	// Files are the hex SHA-256 of the other files of the start: config.yaml,
	// answers.jsonl, calibration.json. Runs begun before version 2 of the checkpoint
	// have none.
	Files map[string]string `json:"files_sha256,omitempty"`
}

// environment describes what the run is made with and from now.
func (r *run) environment() Environment {
	return Environment{
		Started: r.clock().UTC().Format(time.RFC3339), Revision: revision(), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Kernel: kernel.Name(),
		Task: r.task.Digest(), Child: r.startSHA, ChildFolder: r.startFolderSHA, Weights: r.model.NumParams(), Teacher: r.teacherSHA,
		Embedder: r.embedder.Identity(), Steps: r.steps, Command: r.command, Program: r.program,
	}
}

// checkFiles refuses to resume a run whose files of the start have changed, but for the
// configuration of one that was extended.
func (e Environment) checkFiles(d *directory, extensions []Extension) error {
	for _, name := range slices.Sorted(maps.Keys(e.Files)) {
		if !slices.Contains(startFiles, name) {
			return config.Errorf("%s: files_sha256: unknown file %q", d.file(EnvironmentFile), name)
		}
		if name == ConfigFile && len(extensions) > 0 {
			continue // readExtensions has found its sum
		}
		sum, err := durable.SHA256(d.file(name))
		if err != nil {
			return config.Bad(err)
		}
		if sum != e.Files[name] {
			return config.Errorf("%s: must be as the run began with it (sha256 %.12s, got %.12s): restore it, or start a new run in another folder", d.file(name), e.Files[name], sum)
		}
	}
	return nil
}

// check refuses to resume a run with another task, start child, embedder or
// kernel than it began with: its results would be another's.
func (e Environment) check(now Environment) error {
	for _, c := range []struct{ what, began, now string }{
		{"task", e.Task, now.Task}, {"child", e.Child, now.Child}, {"child: its configuration, tokenizer or template", e.ChildFolder, now.ChildFolder}, {"teacher", e.Teacher, now.Teacher},
	} {
		if c.began != c.now && c.began != "" {
			return config.Errorf("%s: must be what the run began with (sha256 %.12s, got %.12s)", c.what, c.began, c.now)
		}
	}
	if e.Embedder != now.Embedder {
		return config.Errorf("embedder: must be what the run began with (%+v, got %+v)", e.Embedder, now.Embedder)
	}
	if e.Kernel != now.Kernel {
		remedy := "resume on a machine that has it"
		if slices.Contains(kernel.Variants(), e.Kernel) {
			remedy = "set PGSRM_KERNEL=" + e.Kernel
		}
		return config.Errorf("kernel: must be %s, which the run began with, as another one gives other bits (got %s): %s", e.Kernel, now.Kernel, remedy)
	}
	if began, here := arch(e.Platform), arch(now.Platform); began != here {
		return config.Errorf("platform: must be %s, which the run began on, as another one gives other bits (got %s)", began, here)
	}
	return nil
}

// arch is the GOARCH of a platform.
func arch(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	return arch
}

// childFolderSHA identifies the folders of the child that a name denotes by their
// digests: that of the base, and that of an adapter on it. It is "" for a child in
// the binary.
func childFolderSHA(name string) (string, error) {
	c, err := findChild(name)
	if err != nil {
		return "", err
	}
	var sums []string
	for _, dir := range []string{c.folder, c.adapter} {
		if dir == "" {
			continue
		}
		sum, err := hf.Digest(dir)
		if err != nil {
			return "", err
		}
		sums = append(sums, sum)
	}
	return strings.Join(sums, "+"), nil
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
