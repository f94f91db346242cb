package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"pgsrm/config"
	"pgsrm/kernel"
	"pgsrm/reward"
)

// Arm is one run of a comparison.
type Arm struct {
	Name   string // "pgsrm/seed-1": the run's folder below that of the comparison
	Config Config
}

// Arms lists the runs of a comparison: each reward with the same seeds
// base.Seed, base.Seed+1, ... They are ordered by seed, so that a comparison
// that is cut short has every reward with its first seeds. The run of a reward
// and a seed is in OUT/<reward>/seed-<n>.
func Arms(base Config, rewards []reward.Spec, seeds int) ([]Arm, error) {
	var arms []Arm
	taken := map[string]bool{}
	for i := range seeds {
		for _, spec := range rewards {
			c := base
			c.Reward, c.Seed = spec, base.Seed+uint64(i)
			name := folderName(spec.Name) + fmt.Sprintf("/seed-%d", c.Seed)
			if taken[name] {
				return nil, config.Errorf("rewards: must differ (got %q twice)", spec.Name)
			}
			taken[name] = true
			c.Out = filepath.Join(base.Out, filepath.FromSlash(name))
			arms = append(arms, Arm{name, c})
		}
	}
	return arms, nil
}

// folderName is a reward's name with what a folder cannot be called replaced.
func folderName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_+.=^", r) {
			return r
		}
		return '_'
	}, name)
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
