package report

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Arm is the runs of one task that differ in the seed alone.
type Arm struct {
	Label  string // name, with the settings that tell it from others of that name
	Name   string // as compare was given it: the reward, perhaps with settings
	Reward string
	Suffix string // the part of Label after the reward
	Runs   []*Run // by seed
}

// Group is everything known about one task.
type Group struct {
	Task     string
	Arms     []*Arm
	Warnings []string
}

// Data is what Load found, by task.
type Data struct {
	Groups []*Group
}

// Load reads every run at or below the folders: run directories, folders of
// compare (DIR/<reward>/seed-<n>) and of studies, also several at once.
func Load(dirs ...string) (*Data, error) {
	var paths []string
	for _, dir := range dirs {
		found, err := findRuns(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	runs, err := loadRuns(paths)
	if err != nil {
		return nil, err
	}
	byTask := map[string][]*Run{}
	var tasks []string
	for _, r := range runs {
		if byTask[r.Task] == nil {
			tasks = append(tasks, r.Task)
		}
		byTask[r.Task] = append(byTask[r.Task], r)
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("report: at least one run directory must be named")
	}
	slices.Sort(tasks)
	data := &Data{}
	for _, t := range tasks {
		data.Groups = append(data.Groups, newGroup(t, byTask[t]))
	}
	return data, nil
}

// loadRuns reads run directories, as many at a time as there are threads; an error is that
// of the first that has one.
func loadRuns(paths []string) ([]*Run, error) {
	runs, errs := make([]*Run, len(paths)), make([]error, len(paths))
	next := make(chan int)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := range next {
				runs[i], errs[i] = loadRun(paths[i])
			}
		})
	}
	for i := range paths {
		next <- i
	}
	close(next)
	readers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// newGroup sorts the runs of one task into arms, the binary ones last: a picture
// is read from the method to what it is compared with.
func newGroup(task string, runs []*Run) *Group {
	g := &Group{Task: task, Warnings: gather(runs)}
	byKey := map[string]*Arm{}
	for _, r := range runs {
		key := r.Arm + "\n" + fingerprint(r.Config)
		arm := byKey[key]
		if arm == nil {
			arm = &Arm{Name: r.Arm, Reward: r.Reward}
			byKey[key] = arm
			g.Arms = append(g.Arms, arm)
		}
		if twin := arm.run(r.Seed); twin != nil {
			g.Warnings = append(g.Warnings, fmt.Sprintf("%s repeats seed %d of %s and was left out", r.Dir, r.Seed, twin.Dir))
			continue
		}
		arm.Runs = append(arm.Runs, r)
	}
	for _, arm := range g.Arms {
		slices.SortFunc(arm.Runs, func(a, b *Run) int { return cmp.Compare(a.Seed, b.Seed) })
	}
	g.label()
	slices.SortFunc(g.Arms, func(a, b *Arm) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Label, b.Label))
	})
	g.warnShort()
	for i, text := range g.Warnings {
		g.Warnings[i] = pageText(text, longestText)
	}
	return g
}

// gather lists the warnings of runs, those of several runs once.
func gather(runs []*Run) []string {
	count := map[string]int{}
	for _, r := range runs {
		for _, text := range r.Warnings {
			count[text]++
		}
	}
	var out []string
	for _, r := range runs {
		for _, text := range r.Warnings {
			switch n := count[text]; {
			case n == 1:
				out = append(out, r.Dir+": "+text)
			case n > 1:
				out = append(out, fmt.Sprintf("%s and %d more: %s", r.Dir, n-1, text))
			}
			count[text] = 0
		}
	}
	return out
}

// label names the arms, those of one name by the settings they differ in.
func (g *Group) label() {
	for _, arm := range g.Arms {
		var configs []map[string]string
		for _, other := range g.Arms {
			if other.Name == arm.Name {
				configs = append(configs, other.Runs[0].Config)
			}
		}
		var parts []string
		for _, name := range differing(configs) {
			parts = append(parts, name+"="+pageText(first(arm.Runs[0].Config[name], "none"), 80))
		}
		arm.Label = arm.Name
		if len(parts) > 0 {
			arm.Label += " (" + strings.Join(parts, ", ") + ")"
		}
		arm.Suffix = strings.TrimPrefix(arm.Label, arm.Reward)
	}
}

// warnShort tells which runs count in the curves only.
func (g *Group) warnShort() {
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			if r.Episodes < arm.Episodes() {
				g.Warnings = append(g.Warnings, fmt.Sprintf(
					"%s ended at %d of %d episodes: it stands in the curves, not in the end values", r.Dir, r.Episodes, arm.Episodes()))
			}
		}
	}
}

// Episodes is where the longest run of the arm ended.
func (a *Arm) Episodes() int {
	n := 0
	for _, r := range a.Runs {
		n = max(n, r.Episodes)
	}
	return n
}

// Complete returns the runs that reached the end of the arm's longest run.
func (a *Arm) Complete() []*Run {
	var out []*Run
	for _, r := range a.Runs {
		if r.Episodes == a.Episodes() {
			out = append(out, r)
		}
	}
	return out
}

func (a *Arm) run(seed int64) *Run {
	for _, r := range a.Runs {
		if r.Seed == seed {
			return r
		}
	}
	return nil
}

// known orders the rewards that every comparison has; others stand between.
var known = []string{"pgsrm", "", "pgsrm-1", "pgsrm-paper", "binary"}

// rank is the place of the arm's reward among them; an arm with a name of its own stands
// between, whatever its reward.
func (a *Arm) rank() int {
	own := a.Name != a.Reward && !strings.HasPrefix(a.Name, a.Reward+"[")
	if at := slices.Index(known, a.Reward); at >= 0 && !own {
		return at
	}
	return 1
}

// Baseline is the arm that the given one is compared with: the binary reward under
// the same other settings, else without settings of its own, else the only binary arm.
// Nil if there is none.
func (g *Group) Baseline(arm *Arm) *Arm {
	var plain, only *Arm
	count := 0
	for _, other := range g.Arms {
		switch {
		case other.Reward != "binary":
			continue
		case other.Suffix == arm.Suffix && other != arm:
			return other
		case other.Suffix == "":
			plain = other
		}
		only = other
		count++
	}
	switch {
	case plain != nil && plain != arm:
		return plain
	case count != 1 || only == arm || arm.Reward == "binary":
		return nil
	}
	return only
}
