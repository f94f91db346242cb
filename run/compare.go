package run

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"pgsrm/config"
	"pgsrm/kernel"
)

// Arm is one run of a comparison.
type Arm struct {
	Name   string // "pgsrm/seed-1": the run's folder below that of the comparison
	Config Config
}

// Arms lists the runs of a comparison: each configuration, whose Out is the folder of
// the comparison, with the same seeds Seed, Seed+1, ... of the first. They are ordered
// by seed, so that a comparison that is cut short has every arm with its first seeds.
// The run of an arm and a seed is in OUT/<arm>/seed-<n>.
func Arms(configs []Config, seeds int) ([]Arm, error) {
	if err := sameLength(configs); err != nil {
		return nil, err
	}
	var arms []Arm
	taken := map[string]bool{}
	for i := range seeds {
		for _, c := range configs {
			c.Seed = configs[0].Seed + uint64(i)
			name := FolderName(c.ArmName()) + fmt.Sprintf("/seed-%d", c.Seed)
			if taken[name] {
				return nil, config.Errorf("rewards: must differ (got %q twice)", c.ArmName())
			}
			taken[name] = true
			c.Out = filepath.Join(c.Out, filepath.FromSlash(name))
			arms = append(arms, Arm{name, c})
		}
	}
	return arms, nil
}

// sameLength demands that all arms end after as many episodes: ends of runs of other
// lengths are not compared.
func sameLength(configs []Config) error {
	for i := range configs {
		a, b := &configs[0], &configs[i]
		if n := b.EarlyStopping.Patience; n > 0 {
			return &config.Error{Key: "early_stopping.patience", Must: "must be 0 in a comparison, whose runs are compared after as many episodes", Value: fmt.Sprint(n)}
		}
		n, m := a.Steps()*a.EpisodesPerStep(), b.Steps()*b.EpisodesPerStep()
		if n != m {
			return config.Errorf("rewards: all arms must have as many episodes in whole steps, choose --episodes so (got %s with %d, %s with %d)",
				a.ArmName(), n, b.ArmName(), m)
		}
	}
	return nil
}

// armKeys are the keys in which the arms of a comparison must not differ, and why.
var armKeys = map[string]string{
	"task":         "runs of one task are compared (give --task)",
	"seed":         "runs are compared seed by seed (give --seed and --seeds)",
	"out":          "each run has a folder of its own in that of the comparison (give --out)",
	"reward":       "it is what stands before the bracket",
	"arm":          "the name is the whole text",
	"episodes":     "runs are compared after as many episodes (give --episodes)",
	"eval_prompts": "runs are compared on the same prompts (give --set eval_prompts)",
	"threads":      "the runs share the threads (give --threads)",
}

// CheckArmKey refuses a key in which the arms of a comparison must not differ.
func CheckArmKey(key string) error {
	section, _, _ := strings.Cut(key, ".")
	if why, ok := armKeys[section]; ok {
		return &config.Error{Key: key, Must: "must not be set for one arm, " + why}
	}
	return nil
}

// longestFolder is how many bytes of a name stand in that of a folder.
const longestFolder = 100

// FolderName is the name of an arm or of a reward with what a folder cannot be called
// replaced; one that is too long is cut, and ends with what tells it from others.
func FolderName(name string) string {
	folder := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_+.=^", r) {
			return r
		}
		return '_'
	}, name)
	if len(folder) > longestFolder {
		folder = fmt.Sprintf("%s-%.4x", folder[:longestFolder], sha256.Sum256([]byte(name)))
	}
	return folder
}

// Slots says how many threads a comparison has and how many runs share them.
type Slots struct {
	Threads int // all threads together
	Runs    int // runs at a time; 0 = one for each thread, and one after the other for a child that is not built in
}

// runs is how many of the arms run at a time. A real model keeps all threads busy
// by itself and needs gigabytes.
func (s Slots) runs(arms []Arm) int {
	n := s.Runs
	if n == 0 {
		n = s.Threads
		if slices.ContainsFunc(arms, func(a Arm) bool { return !Builtin(a.Config.Child) }) {
			n = 1
		}
	}
	return max(1, min(n, len(arms)))
}

// share is the number of threads of each of so many runs.
func (s Slots) share(runs int) int { return max(1, s.Threads/runs) }

// Compare trains all arms, several at a time with the threads shared out; the last
// runs have those of the runs that are over too. What a run computes does not
// depend on it. Runs that are complete are left as they are, those that have begun
// are resumed. It returns the results in the order of the arms. The first failure
// stops the others, each with a checkpoint.
func Compare(ctx context.Context, arms []Arm, slots Slots, deps Deps, view func(arm Arm) Subscriber) ([]Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runs := slots.runs(arms)
	results, errs := make([]Result, len(arms)), make([]error, len(arms))
	queue := make(chan int, len(arms))
	for i := range arms {
		queue <- i
	}
	close(queue)
	sources := newShared()
	sources.runs = len(arms)
	var workers sync.WaitGroup
	for range runs {
		workers.Go(func() {
			for i := range queue {
				own := deps
				own.shared = sources
				own.Events = append(slices.Clip(deps.Events), view(arms[i]))
				own.Pool = kernel.NewPool(slots.share(min(runs, len(arms)-i)))
				results[i], errs[i] = Resume(ctx, arms[i].Config, own)
				own.Pool.Close()
				if errs[i] != nil {
					errs[i] = fmt.Errorf("%s: %w", arms[i].Name, errs[i])
					cancel()
					return
				}
			}
		})
	}
	workers.Wait()
	return results, worst(errs)
}

// worst is the error to report: the first that is more than the interruption
// that it caused in the others.
func worst(errs []error) error {
	var interrupted error
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, ErrInterrupted):
			interrupted = err
		default:
			return err
		}
	}
	return interrupted
}
