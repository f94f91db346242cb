package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Slurm runs the shards as the tasks of a job array, with the programs sbatch, squeue and
// sacct. The machines must have one file system.
type Slurm struct{}

// stopBefore is how long before the time limit a shard is told to stop.
const stopBefore = 2 * time.Minute

// LeastTime is the least time limit of a shard.
const LeastTime = 5 * time.Minute

// Print implements System: a batch script. Before the time limit Slurm signals the shell
// alone, with USR1; the shell stops pgsrm, which leaves a checkpoint, and queues the task
// again. The other signals, as of scancel, stop it for good.
func (Slurm) Print(j Job) ([]byte, error) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	directive := func(format string, args ...any) { fmt.Fprintf(&b, "#SBATCH --"+format+"\n", args...) }
	directive("job-name=%s", j.Name())
	directive("array=1-%d", j.Shards)
	if j.Partition != "" {
		directive("partition=%s", j.Partition)
	}
	if j.Time > 0 {
		s := int(j.Time.Seconds())
		directive("time=%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	if j.CPUs > 0 {
		directive("cpus-per-task=%d", j.CPUs)
	}
	if j.Memory > 0 {
		directive("mem=%dM", j.Memory)
	}
	directive("requeue")
	directive("open-mode=append")
	directive("signal=B:USR1@%d", int(stopBefore.Seconds()))
	fmt.Fprintf(&b, `
cd %s || exit 1
again=
%s &
pid=$!
trap 'woken=1 again=1; kill -TERM "$pid"' USR1
trap 'woken=1; kill -TERM "$pid"' TERM INT
while
  woken=
  wait "$pid"
  code=$?
  [ "$woken" ] # a signal ended the wait alone
do :; done
if [ "$again" ] && [ "$code" -eq 130 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
`, quote(j.Workdir), j.command(fmt.Sprintf(`"$SLURM_ARRAY_TASK_ID/%d"`, j.Shards)))
	return []byte(b.String()), nil
}

// Submit implements System.
func (s Slurm) Submit(ctx context.Context, j Job) ([]Shard, error) {
	queued, err := s.queue(ctx, j)
	if err != nil && !errors.Is(err, exec.ErrNotFound) {
		return nil, err
	}
	shards := absent(j)
	fill(shards, queued)
	if shards = idle(shards); len(shards) == 0 {
		return nil, errActive
	}
	logs := filepath.Join(j.Out, ".slurm")
	if !filepath.IsAbs(logs) {
		logs = filepath.Join(j.Workdir, logs)
	}
	if err := os.MkdirAll(logs, 0o777); err != nil {
		return nil, err
	}
	var tasks []string
	for _, s := range shards {
		tasks = append(tasks, strconv.Itoa(s.Index))
	}
	script, err := s.Print(j)
	if err != nil {
		return nil, err
	}
	text, err := program(ctx, script, "sbatch", "--parsable", "--array="+strings.Join(tasks, ","), "--output="+strings.ReplaceAll(logs, "%", "%%")+"/%A_%a.log")
	if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(strings.TrimSpace(text), ";") // JOB or JOB;CLUSTER
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return nil, fmt.Errorf("sbatch: must print the number of the job (got %.200q)", text)
	}
	for i := range shards {
		shards[i] = Shard{Index: shards[i].Index, State: Waiting, ID: fmt.Sprintf("%s_%d", id, shards[i].Index)}
	}
	return shards, nil
}

// Status implements System. Where Slurm keeps no accounts it knows of tasks that have
// ended for some minutes only.
func (s Slurm) Status(ctx context.Context, j Job) ([]Shard, error) {
	queued, err := s.queue(ctx, j)
	if err != nil {
		return nil, err
	}
	shards := absent(j)
	ended, err := program(ctx, nil, "sacct", "--noheader", "--parsable2", "--allocations", "--starttime=now-30days", "--name="+j.Name(), "--format=JobID,State")
	if err == nil {
		fill(shards, tasksOf(ended))
	}
	fill(shards, queued)
	return shards, nil
}

// queue are the tasks that wait or run, and those that have ended of late.
func (Slurm) queue(ctx context.Context, j Job) ([]Shard, error) {
	text, err := program(ctx, nil, "squeue", "--noheader", "--array", "--me", "--states=all", "--name="+j.Name(), "--format=%F_%K|%T")
	return tasksOf(text), err
}

// tasksOf reads lines JOB_TASK|STATE, those of later jobs last; others are left out, as tasks that wait together are
// one in the accounts.
func tasksOf(text string) []Shard {
	var out []Shard
	job := func(s Shard) int {
		id, _, _ := strings.Cut(s.ID, "_")
		n, _ := strconv.Atoi(id)
		return n
	}
	for line := range strings.Lines(text) {
		id, word, _ := strings.Cut(strings.TrimSpace(line), "|")
		_, task, _ := strings.Cut(id, "_")
		if i, err := strconv.Atoi(task); err == nil {
			out = append(out, Shard{Index: i, State: slurmState(word), ID: id, Word: word})
		}
	}
	slices.SortStableFunc(out, func(a, b Shard) int { return cmp.Compare(job(a), job(b)) })
	return out
}

// slurmState is a state in our words; "CANCELLED by 0" is one too.
func slurmState(word string) State {
	word, _, _ = strings.Cut(word, " ")
	switch word {
	case "COMPLETED":
		return Done
	case "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD":
		return Waiting
	case "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING":
		return Running
	}
	return Failed
}

// fill sets the shards that are known; the later of a shard counts.
func fill(shards, known []Shard) {
	for _, k := range known {
		if k.Index >= 1 && k.Index <= len(shards) {
			shards[k.Index-1] = k
		}
	}
}
