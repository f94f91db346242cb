package study

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/safetensors"
)

// victimDir names the folder with the study that a process is to run until it is killed,
// victimShard its part of the cells.
const (
	victimDir   = "PGSRM_TEST_STUDY_DIR"
	victimShard = "PGSRM_TEST_STUDY_SHARD"
)

// TestMain turns the test binary into a process that runs a study where the environment
// says so.
func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		os.Exit(victim(dir, os.Getenv(victimShard)))
	}
	os.Exit(m.Run())
}

// sixty is a study of 60 cells, each of two updates of the smallest child, with a parent
// that is made and with measures.
const sixty = `
base:
  child: CHILD
  preset: lexical
  look: "off"
  answer.normalize: "off"
  rollout.prompts_per_step: 4
  rollout.samples_per_prompt: 2
  rollout.max_new_tokens: 3
  episodes: 16
  eval_prompts: 2
  eval_every: 1
  checkpoint_every: 0
  log_samples: 1
parents:
  wrong: {wrong: 0.3}
grid:
  task: [colors, opposites]
  parent: {table: {parent: builtin}, wrong: {parent: "study:wrong"}}
  reward: [pgsrm, binary, centered]
seeds: 5
against: {reward: binary}
measure: {samples: 2, prompts: 2}
`

// victim runs a study until it is done or killed.
func victim(dir, shard string) int {
	t := &testing.T{}
	p := planOf(t, string(must(os.ReadFile(filepath.Join(filepath.Dir(dir), "sixty.yaml")))), dir)
	r := runner(t, p, func(string) {})
	if err := r.Run(context.Background(), p.Select(must(ParseShard(shard)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// tables runs the merge of a study and returns its files.
func tables(t *testing.T, text, dir string) map[string][]byte {
	t.Helper()
	m := must(planOf(t, text, dir).Merge())
	if missing := m.Missing(); len(missing) > 0 {
		t.Fatalf("%d cells are missing, the first: %s %s", len(missing), missing[0].Name, missing[0].State)
	}
	out := map[string][]byte{}
	for _, name := range must(m.Write()) {
		out[name] = must(os.ReadFile(filepath.Join(dir, name)))
	}
	if len(out) != 5 {
		t.Fatalf("got %d tables", len(out))
	}
	return out
}

// A study of 60 runs that is killed ten times at random and continued, the last time by three
// processes with a shard each, gives the same tables to the byte as one that was left alone.
func TestKilledStudyGivesTheSameTables(t *testing.T) {
	if testing.Short() {
		t.Skip("trains 120 runs")
	}
	kills := 10
	if text := os.Getenv("PGSRM_KILLS"); text != "" {
		kills = must(strconv.Atoi(text))
	}
	root := t.TempDir()
	m := must(hf.LoadBuiltin("tiny"))
	cfg := lm.GPT2(1, 8, 1, m.Tokenizer.Size(), 64)
	cfg.EOS, cfg.BOS = m.Config.EOS, m.Config.EOS
	child := filepath.Join(root, "child")
	if err := run.SaveChild(&hf.Model{Model: must(lm.NewRandom(cfg, 1)), Tokenizer: m.Tokenizer}, child, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	text := string(bytes.ReplaceAll([]byte(sixty), []byte("CHILD"), []byte(filepath.ToSlash(child))))
	if err := os.WriteFile(filepath.Join(root, "sixty.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	straight, killed := filepath.Join(root, "straight"), filepath.Join(root, "killed")
	begin := time.Now()
	if code, err := process(straight, "", 0); code != 0 {
		t.Fatal(err)
	}
	whole := time.Since(begin)
	want := tables(t, text, straight)
	rng := rand.New(rand.NewPCG(1, 2))
	done := 0
	for done < kills {
		code, err := process(killed, "", time.Duration(1+rng.Int64N(int64(whole)/int64(kills)*2)))
		switch {
		case code < 0:
			done++
		case code > 0:
			t.Fatalf("after %d kills: %v", done, err)
		default: // it got to its end: the rest of the kills hit one that has nothing left to do
			if err := os.RemoveAll(filepath.Join(killed, cellsDir, "task=colors")); err != nil {
				t.Fatal(err)
			}
		}
	}
	shards := make([]error, 3)
	var all sync.WaitGroup
	for i := range shards {
		all.Go(func() {
			if code, err := process(killed, fmt.Sprintf("%d/%d", i+1, len(shards)), 0); code != 0 {
				shards[i] = err
			}
		})
	}
	all.Wait()
	for _, err := range shards {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tables(t, text, killed) {
		if !bytes.Equal(text, want[name]) {
			t.Errorf("%s differs after %d kills", name, kills)
		}
	}
	t.Logf("%d kills of a process that takes %v", done, whole)
}

// process runs a victim and kills it after a while (0 = never). The code is its exit
// code, negative if it was killed.
func process(dir, shard string, after time.Duration) (code int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if after > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), after)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir, victimShard+"="+shard)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return 1, err
	}
	return cmd.ProcessState.ExitCode(), fmt.Errorf("%v: %s", err, out)
}
