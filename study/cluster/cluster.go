// Package cluster hands the shards of a study to a cluster: as an array of Slurm, an
// Indexed Job of Kubernetes or jobs of Ray.
//
//	cluster.go     jobs, their commands and names
//	slurm.go       a batch script; sbatch, squeue, sacct
//	kubernetes.go  a manifest; kubectl
//	ray.go         requests of Ray's job submission over HTTP
//
// A shard is the command pgsrm study with --shard. It needs nothing of the others but the
// folder of the study, leaves complete cells as they are and resumes begun ones, so a shard
// that failed or was stopped is handed in again as it is.
package cluster

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"
)

// Job is a study in shards.
type Job struct {
	Study   string   // its name or its file, as the command takes it
	Text    []byte   // of that file; nil for a study in the program
	Out     string   // folder of the study, in Workdir if it is not absolute
	Args    []string // further arguments of pgsrm study
	Shards  int
	Workdir string // absolute, where the shards run
	Program string // the command pgsrm there; not of Kubernetes, where the image has it
	CPUs    int    // of a shard; 0 = as the cluster has it
	Memory  int    // of a shard, MiB; likewise

	Partition string        // Slurm; "" = its default
	Time      time.Duration // Slurm: of a shard, until it is stopped and queued again; 0 = the partition's
	Image     string        // Kubernetes: of the container
	Claim     string        // Kubernetes: the PersistentVolumeClaim that is mounted at Workdir
}

// System is a kind of cluster.
type System interface {
	// Print is what would be handed in: the same text for the same job.
	Print(j Job) ([]byte, error)
	// Submit hands in the shards that neither wait nor run.
	Submit(ctx context.Context, j Job) ([]Shard, error)
	// Status is the state of all shards, in their order.
	Status(ctx context.Context, j Job) ([]Shard, error)
}

// State is how far a shard is.
type State string

// The states of a shard. The cluster knows of processes alone: a shard that is done has run
// to its end, what its cells have left is told by the tables.
const (
	Absent  State = "absent" // not handed in, or forgotten by the cluster
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Shard is one shard of a job.
type Shard struct {
	Index int    `json:"shard"` // from 1
	State State  `json:"state"`
	ID    string `json:"id,omitempty"`   // of the job, in the cluster's words
	Word  string `json:"word,omitempty"` // the state, likewise
}

// active says whether the cluster still has the shard before it.
func (s Shard) active() bool { return s.State == Waiting || s.State == Running }

// absent are the shards of a job of which nothing is known.
func absent(j Job) []Shard {
	shards := make([]Shard, j.Shards)
	for i := range shards {
		shards[i] = Shard{Index: i + 1, State: Absent}
	}
	return shards
}

// idle are the shards that may be handed in.
func idle(shards []Shard) []Shard {
	var out []Shard
	for _, s := range shards {
		if !s.active() {
			out = append(out, s)
		}
	}
	return out
}

// errActive is a job of which all shards wait or run.
var errActive = errors.New("all shards are waiting or running")

// arguments are those of pgsrm for a shard, "I/N".
func (j Job) arguments(study, shard string) []string {
	args := []string{"study", study, "--out", j.Out}
	args = append(args, j.Args...)
	if j.CPUs > 0 {
		args = append(args, "--threads", strconv.Itoa(j.CPUs))
	}
	return append(args, "--shard", shard)
}

// command is the line of a shell for a shard; shard is quoted as it has to be.
func (j Job) command(shard string) string {
	words := []string{quote(j.Program)}
	args := j.arguments(j.Study, "")
	for _, a := range args[:len(args)-1] {
		words = append(words, quote(a))
	}
	return strings.Join(append(words, shard), " ")
}

// Name is that of the job in the cluster: it follows from the folder of the study, so that
// the same command finds its job again, and is a name wherever one is asked for.
func (j Job) Name() string {
	out := j.Out
	if !path.IsAbs(out) {
		out = path.Join(j.Workdir, out)
	}
	word := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, path.Base(out)), "-")
	if len(word) > 24 {
		word = strings.Trim(word[:24], "-")
	}
	sum := sha256.Sum256([]byte(path.Clean(out)))
	return fmt.Sprintf("pgsrm-%s-%x", cmp.Or(word, "study"), sum[:4])
}

// quote makes a text one word of a POSIX shell.
func quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:@,+", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Bounds of what a program of the cluster may take and say.
const (
	programTime   = 10 * time.Minute
	programOutput = 64 << 20
)

// program runs a program of the cluster and returns what it prints. The error is one line.
func program(ctx context.Context, stdin []byte, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bounded
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(stdin), &out, &errs, 5*time.Second
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s: not found in PATH; --print shows what it would be given: %w", name, exec.ErrNotFound)
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", name, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.Join(strings.Fields(errs.String()), " "))
	}
	return out.String(), nil
}

// bounded is a buffer that refuses to hold everything.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > programOutput {
		return 0, fmt.Errorf("prints more than %d MiB", programOutput>>20)
	}
	return b.Buffer.Write(p)
}
