package run

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A complete run gives up all checkpoints but that of its best child; it stays complete, and is
// told why it cannot be given more episodes. One that is not complete keeps its own.
func TestDiscard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	settings := []string{"episodes=96", "checkpoint_every=1", "keep_checkpoints=0", "eval_every=1", "best.metric=eval/train/chrf"}
	cfg := testConfig(t, dir, settings...)
	if _, err := Start(context.Background(), cfg, testDeps(t)); err != nil {
		t.Fatal(err)
	}
	saved := checkpoints{filepath.Join(dir, checkpointsDir)}
	all, err := saved.steps()
	if err != nil || len(all) < 2 {
		t.Fatalf("got checkpoints %v, %v", all, err)
	}
	part := filepath.Join(t.TempDir(), "part")
	copyDir(t, dir, part)
	if err := os.RemoveAll(filepath.Join(part, childDir)); err != nil {
		t.Fatal(err)
	}
	best := filepath.Join(dir, bestFile)
	text, err := os.ReadFile(best)
	if err := errors.Join(err, os.WriteFile(best, text[:len(text)/2], 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := Discard(dir); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), best) {
		t.Errorf("%s cut short: got %v", bestFile, err)
	}
	if steps, err := saved.steps(); err != nil || len(steps) != len(all) {
		t.Errorf("%s cut short: got %v, %v, want %v", bestFile, steps, err, all)
	}
	if err := os.WriteFile(best, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, part, dir} { // and once more
		if err := Discard(d); err != nil {
			t.Fatal(err)
		}
	}
	var kept BestChild
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if steps, err := saved.steps(); err != nil || len(steps) != 1 || steps[0] != kept.Step {
		t.Errorf("complete: got %v, %v, want that of step %d", steps, err, kept.Step)
	}
	if steps, err := (checkpoints{filepath.Join(part, checkpointsDir)}).steps(); err != nil || len(steps) != len(all) {
		t.Errorf("not complete: got %v, %v, want %v", steps, err, all)
	}
	if res, err := Resume(context.Background(), cfg, testDeps(t)); err != nil || !res.Earlier {
		t.Errorf("got %+v, %v", res, err)
	}

	if err := os.RemoveAll(saved.folder(kept.Step)); err != nil {
		t.Fatal(err)
	}
	began := cfg
	cfg.Episodes += 32
	if err := cfg.extends(began, dir); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "must hold the last checkpoint to go on from") {
		t.Errorf("more episodes: got %v", err)
	}
}
