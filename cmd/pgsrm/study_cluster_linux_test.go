package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgsrm/study/cluster"
)

// far is a study of 24 cells.
const far = `
base: {look: "off", episodes: 256, eval_prompts: 4, checkpoint_every: 1}
grid:
  task: [colors, opposites, copy, categories]
  reward: [pgsrm, binary, centered]
seeds: 2
against: {reward: binary}
`

// TestStudyOnSlurm and TestStudyOnRay hand 24 cells to a real cluster, kill workers on the way, hand in again
// what failed, and ask for the tables of the local run to the byte.
func TestStudyOnSlurm(t *testing.T) {
	if os.Getenv("PGSRM_SLURM") == "" {
		t.Skip("PGSRM_SLURM=1 says that sbatch reaches a cluster of this machine")
	}
	studyOnCluster(t, "--on", "slurm", "--cpus", "1")
}

func TestStudyOnRay(t *testing.T) {
	address := os.Getenv("PGSRM_RAY")
	if address == "" {
		t.Skip("PGSRM_RAY is not the address of the dashboard of a Ray on this machine")
	}
	studyOnCluster(t, "--on", "ray", "--cpus", "1", "--address", address)
}

func studyOnCluster(t *testing.T, on ...string) {
	program, err := exec.LookPath("pgsrm") // of testscript.Main
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("far.yaml", []byte(far), 0o666); err != nil {
		t.Fatal(err)
	}
	pgsrm := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(program, args...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("pgsrm %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	pgsrm("study", "far.yaml", "--out", "local")
	on = append([]string{"study", "far.yaml", "--out", "away", "--shards", "6", "--program", program, "--json"}, on...)
	shards := func(do string) (active, failed int) {
		t.Helper()
		var reply struct{ Shards []cluster.Shard }
		if err := json.Unmarshal(pgsrm(append(slices.Clone(on), do)...), &reply); err != nil {
			t.Fatal(err)
		}
		for _, s := range reply.Shards {
			switch s.State {
			case cluster.Waiting, cluster.Running:
				active++
			case cluster.Failed:
				failed++
			}
		}
		return active, failed
	}
	if n, _ := shards("--submit"); n != 6 {
		t.Fatalf("%d shards were submitted", n)
	}
	kills, again := 0, 0
	for deadline := time.Now().Add(8 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the shards do not end")
		}
		if kills < 3 && killShard(t) {
			kills++
		}
		active, failed := shards("--status")
		if active > 0 {
			continue
		}
		if failed == 0 {
			break
		}
		again++
		shards("--submit")
	}
	if kills == 0 || again == 0 {
		t.Errorf("%d shards were killed, %d times some were submitted again", kills, again)
	}
	t.Logf("%d shards killed, submitted again %d times", kills, again)
	pgsrm("report", "away")
	for _, name := range []string{"cells.csv", "groups.csv", "differences.csv", "study.svg", "study.md"} {
		want, err := os.ReadFile(filepath.Join("local", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("away", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from that of the local run (%v)", name, err)
		}
	}
}

// killShard kills a process that runs a shard of this folder, if there is one that has begun a cell.
func killShard(t *testing.T) bool {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if begun, _ := filepath.Glob("away/cells/*/*/*/checkpoints"); len(begun) == 0 {
		return false
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(string(line), "\x00")
		if at, _ := os.Readlink(filepath.Join(dir, "cwd")); at != here || filepath.Base(args[0]) != "pgsrm" || !slices.Contains(args, "--shard") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			return true
		}
	}
	return false
}
