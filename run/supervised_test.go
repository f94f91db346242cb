package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/lm"
	"pgsrm/rl"
	"pgsrm/safetensors"
)

// lesson is a supervised training of a small child of 9 updates with a checkpoint
// after every second.
type lesson struct {
	out    string
	lora   bool
	cfg    SupervisedConfig
	resume bool
	stop   int  // after so many updates; 0 = never
	crash  bool // once the child is saved, before the checkpoints go
	spoil  func(step int, m *lm.Model)
}

func newLesson(out string) lesson {
	return lesson{out: out, cfg: SupervisedConfig{
		Steps: 9, Batch: 3, MaxGradNorm: 1, WeightDecay: 0.01, CheckpointEvery: 2, Data: "numbers",
		Schedule: rl.Schedule{Kind: "linear", LR: 1e-2, Warmup: 2},
	}}
}

// run trains and saves as the commands do; it returns the mean loss.
func (l lesson) run(t testing.TB) (loss float64, err error) {
	t.Helper()
	deps := testDeps(t)
	m := deps.Model
	if l.lora {
		cfg := LoRA{Rank: 2, Targets: []string{"c_attn"}}
		if err := cfg.Prepare(m, "builtin:tiny", 1); err != nil {
			return 0, err
		}
	}
	s, err := OpenSupervised(l.out, l.resume)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := func(i int) (lm.Sequence, error) {
		tokens := make([]int32, 8)
		for k := range tokens {
			tokens[k] = int32((i*7 + k*k) % 250)
		}
		return lm.Sequence{Tokens: tokens, From: 1}, nil
	}
	res, err := s.Train(ctx, m, l.cfg, next, func(e SupervisedEvent) {
		if l.spoil != nil {
			l.spoil(e.Step, m.Model)
		}
		if e.Step == l.stop {
			cancel()
		}
	})
	if err != nil {
		return res.MeanLoss, err
	}
	if err := SaveChild(res.Model, l.out, safetensors.F32); err != nil {
		return res.MeanLoss, err
	}
	if l.crash {
		return res.MeanLoss, nil
	}
	return res.MeanLoss, s.Finish()
}

func TestSupervisedResumesToTheSameBits(t *testing.T) {
	for _, lora := range []bool{false, true} {
		straight := newLesson(filepath.Join(t.TempDir(), "out"))
		straight.lora = lora
		want, err := straight.run(t)
		if err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(filepath.Dir(straight.out)); len(left) != 1 {
			t.Errorf("left %v, want the child alone", left)
		}
		every := 1
		if testing.Short() {
			every = 4
		}
		for stop := 1; stop < 9; stop += every {
			l := newLesson(filepath.Join(t.TempDir(), "out"))
			l.lora, l.stop = lora, stop
			_, err := l.run(t)
			saved := filepath.Join(l.out+".checkpoints", checkpointName(stop))
			if !errors.Is(err, ErrInterrupted) || !strings.HasSuffix(err.Error(), fmt.Sprintf("update %d of 9: interrupted; checkpoint: %s", stop, saved)) {
				t.Fatalf("stopped after %d: %v", stop, err)
			}
			if _, err := os.Stat(l.out); err == nil {
				t.Fatal("no child may be there yet")
			}
			l.stop = min(stop+2, 8) // and once more
			if l.stop > stop {
				l.resume = true
				if _, err := l.run(t); !errors.Is(err, ErrInterrupted) {
					t.Fatalf("stopped again after %d: %v", l.stop, err)
				}
			}
			l.stop, l.resume = 0, true
			for _, l.crash = range []bool{true, false} {
				got, err := l.run(t)
				if err != nil || got != want {
					t.Errorf("resumed after %d: loss %v, want %v, error %v", stop, got, want, err)
				}
				sameFiles(t, snapshot(t, straight.out), l.out)
			}
			if left, _ := os.ReadDir(filepath.Dir(l.out)); len(left) != 1 {
				t.Errorf("left %v, want the child alone", left)
			}
		}
	}
}

// A supervised training is resumed only as it was begun, and not taken for a new one.
func TestSupervisedRefusesToResume(t *testing.T) {
	begun := newLesson(filepath.Join(t.TempDir(), "out"))
	begun.stop = 5
	if _, err := begun.run(t); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	saved := begun.out + ".checkpoints"
	newest := filepath.Join(saved, "00000005")
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, l *lesson)
		want  string
	}{
		{"not asked to", func(t *testing.T, l *lesson) { l.resume = false }, " holds a training that did not get to its end: resume it with --resume, or remove that folder"},
		{"more updates", func(t *testing.T, l *lesson) { l.cfg.Steps = 12 }, "updates: must be as the training in "},
		{"fewer updates", func(t *testing.T, l *lesson) { l.cfg.Steps = 4 }, "updates: must be as the training in "},
		{"another batch", func(t *testing.T, l *lesson) { l.cfg.Batch = 2 }, "batch: must be as the training in "},
		{"another rate", func(t *testing.T, l *lesson) { l.cfg.Schedule.LR = 1 }, "learning rate: must be as the training in "},
		{"other data", func(t *testing.T, l *lesson) { l.cfg.Data = "letters" }, "data: must be as the training in "},
		{"another start child", func(t *testing.T, l *lesson) { l.lora = true }, "start child: must be as the training in "},
		{"a bit of the weights", func(t *testing.T, l *lesson) { edit(t, filepath.Join(newest, "child/model.safetensors"), flip) }, "is not as it was written; " + filepath.Join(saved, "00000004") + " is good"},
		{"a file of the user", func(t *testing.T, l *lesson) {
			os.WriteFile(filepath.Join(saved, "notes.txt"), []byte("mine"), 0o644)
		}, "must hold checkpoints of a training alone, or not exist (it has notes.txt)"},
		{"negative step", func(t *testing.T, l *lesson) {
			edit(t, filepath.Join(newest, stateFile), replace(`"step": 5`, `"step": -1`))
			seal(t, newest)
		}, "step must be that of its folder, 5, and at most 9 (got -1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept := t.TempDir()
			copyDir(t, saved, kept)
			defer func() {
				if err := os.RemoveAll(saved); err != nil {
					t.Error(err)
				}
				copyDir(t, kept, saved)
			}()
			l := begun
			l.stop, l.resume = 0, true
			c.spoil(t, &l)
			before := snapshot(t, filepath.Dir(begun.out))
			if _, err := l.run(t); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			sameFiles(t, before, filepath.Dir(begun.out))
		})
	}
	begun.stop, begun.resume = 0, true
	if _, err := begun.run(t); err != nil {
		t.Error(err)
	}
}

// Two trainings of one child keep out of each other's way, and weights that are not
// finite are never saved.
func TestSupervisedLockAndNonFinite(t *testing.T) {
	l := newLesson(filepath.Join(t.TempDir(), "deep", "out"))
	s, err := OpenSupervised(l.out, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.run(t); !errors.Is(err, ErrLocked) {
		t.Errorf("beside another process: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(filepath.Dir(l.out))); len(left) > 0 {
		t.Errorf("a training without an update left %v", left)
	}
	for at, last := range map[int]string{1: "none", 4: "00000002", 9: "00000008"} {
		l := newLesson(filepath.Join(t.TempDir(), "out"))
		l.spoil = func(step int, m *lm.Model) {
			if step == at {
				m.Params()[1].Value[2] = float32(math.NaN())
			}
		}
		_, err := l.run(t)
		if !errors.Is(err, ErrNonFinite) || !strings.HasSuffix(err.Error(), last) || !strings.Contains(err.Error(), "last good checkpoint: ") {
			t.Errorf("a NaN after update %d: got %v", at, err)
		}
		if _, err := os.Stat(l.out); err == nil {
			t.Errorf("a NaN after update %d: a child was saved", at)
		}
	}
}

// A training that was killed while its child was saved leaves nothing of that once it
// is resumed.
func TestHalfSavedChildIsRemoved(t *testing.T) {
	l := newLesson(filepath.Join(t.TempDir(), "child"))
	l.resume = true
	half := filepath.Join(filepath.Dir(l.out), ".child.tmp-17")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.run(t); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", half, err)
	}
}
