package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgsrm/custom/customtest"
)

// victimDir names the folder in which the process trains that is to be killed,
// victimKind what it trains: "run", "replay", "custom", "stopping", "preference", "extended", its straight
// counterpart "long", or "supervised".
const (
	victimDir  = "PGSRM_TEST_VICTIM_DIR"
	victimKind = "PGSRM_TEST_VICTIM_KIND"
)

// TestMain turns the test binary into a training process where the environment
// says so, and into a reward process where its arguments do.
func TestMain(m *testing.M) {
	customtest.Main()
	if dir := os.Getenv(victimDir); dir != "" {
		os.Exit(victim(dir))
	}
	os.Exit(m.Run())
}

// remembering is a reward with every kind of memory.
const remembering = "0.5*exact + fade(0.5*centered, k=2, half=10, near=0.9) + 0.1*novel + 0.1*(1 - success) + linear(0.1, 0)*rank(chrf) - 0.1*repeats"

// victim trains until it is done or killed.
func victim(dir string) int {
	t := &testing.T{}
	var err error
	switch os.Getenv(victimKind) {
	case "supervised":
		l := newLesson(filepath.Join(dir, childDir))
		l.cfg.Steps, l.cfg.CheckpointEvery, l.resume = 120, 3, true
		_, err = l.run(t)
	case "replay":
		_, err = Resume(context.Background(), replayConfig(t, dir), replayDeps(t))
	case "preference":
		_, err = Resume(context.Background(), testConfig(t, dir, preferring("preference.update=online", "preference.updates=20")...), testDeps(t))
	case "stopping":
		_, err = Resume(context.Background(), stoppingConfig(t, dir), testDeps(t))
	case "long":
		_, err = Resume(context.Background(), longConfig(t, dir, 320), testDeps(t))
	case "extended":
		if cfg, begun, _ := ReadConfig(dir); !begun || cfg.Episodes == 160 {
			_, err = Resume(context.Background(), longConfig(t, dir, 160), testDeps(t))
		}
		if err == nil {
			_, err = Resume(context.Background(), longConfig(t, dir, 320), testDeps(t))
		}
	case "custom":
		_, err = Resume(context.Background(), testConfig(t, dir, "reward="+asking()), testDeps(t))
	default:
		_, err = Resume(context.Background(), testConfig(t, dir, "episodes=320", "reward="+remembering), testDeps(t))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledTrainingResumesToTheSameBits kills a training process at random
// instants until it gets to its end, again and again, and compares with one that was
// left alone. PGSRM_KILLS sets the number of kills (3 by default).
func TestKilledTrainingResumesToTheSameBits(t *testing.T) {
	kills := 3
	if text := os.Getenv("PGSRM_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("PGSRM_KILLS: must be a number (got %q)", text)
		}
		kills = n
	}
	kinds := []string{"run", "custom", "replay", "stopping", "preference"}
	if testing.Short() { // the victims do what other tests do in the open
		kinds, kills = kinds[:2], 1
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { killAgainAndAgain(t, kind, kind, kills, compareRuns) })
	}
	if testing.Short() {
		return
	}
	t.Run("extended", func(t *testing.T) { killAgainAndAgain(t, "long", "extended", kills, compareRuns) })
	t.Run("supervised", func(t *testing.T) {
		killAgainAndAgain(t, "supervised", "supervised", kills, func(t testing.TB, want, got string) { sameFiles(t, snapshot(t, want), got) })
	})
}

// killAgainAndAgain compares the trainings of a kind, killed and resumed, with one of the
// kind alone that was not.
func killAgainAndAgain(t *testing.T, alone, kind string, kills int, compare func(t testing.TB, want, got string)) {
	straight := t.TempDir()
	begin := time.Now()
	if code, err := train1(alone, straight, 0); code != 0 {
		t.Fatal(err)
	}
	whole := time.Since(begin)
	rng := rand.New(rand.NewPCG(1, 2))
	dir, done := t.TempDir(), 0
	for done < kills {
		after := time.Duration(1 + rng.Int64N(int64(whole)))
		code, err := train1(kind, dir, after)
		switch {
		case code < 0: // killed
			done++
		case code > 0:
			t.Fatalf("after %d kills: %v", done, err)
		default: // it got to its end: compare, begin anew
			compare(t, straight, dir)
			dir = t.TempDir()
		}
	}
	if code, err := train1(kind, dir, 0); code != 0 {
		t.Fatal(err)
	}
	compare(t, straight, dir)
	t.Logf("%d kills of a process that takes %v", done, whole)
}

// train1 runs a victim and kills it after a while (0 = never). The code is its
// exit code, negative if it was killed.
func train1(kind, dir string, after time.Duration) (code int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if after > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), after)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, os.Args[0]) // SIGKILL when the context ends
	cmd.Env = append(os.Environ(), victimDir+"="+dir, victimKind+"="+kind)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return 1, err
	}
	return cmd.ProcessState.ExitCode(), fmt.Errorf("%v: %s", err, out)
}
