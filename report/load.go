package report

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgsrm/run"
)

// Run is one run directory as the report needs it.
type Run struct {
	Dir         string
	Task        string
	Reward      string
	Arm         string // name of the arm: the reward, with the settings that compare was given for it
	Seed        int64
	Config      map[string]string // resolved configuration, flattened: "rl.clip" -> "0.2"
	Environment map[string]string // likewise of environment.json
	Series      map[string][]Point
	Speed       float64   // episodes per second; 0 unknown
	Elapsed     []elapsed // time spent in steps, by episode
	Sources     sources   // what parent and embedder were asked
	Episodes    int       // episode of the last line
	Answers     []Answer
	Grid        grid     // greedy answers to some prompts at some evaluations
	Early, Late Pairs    // answers to one prompt in one step, of the first and the second half
	Recorded    int      // lines of completions.jsonl, of which Answers is a choice
	First       []Answer // greedy answers of the first evaluation
	Final       []Answer // and of the last
	Warnings    []string // without the name of the run
	Look        []string // what was seen of the child before training, nil where nobody looked
}

// longestName is how many characters a task or an arm is called by.
const longestName = 400

var seedFolder = regexp.MustCompile(`^seed-(\d+)$`)

// findRuns returns the run directories at or below dir, in lexical order: those
// that hold metrics.jsonl. It does not look inside a run directory for others.
func findRuns(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if _, err := os.Stat(filepath.Join(path, run.MetricsFile)); err == nil {
			found = append(found, path)
			return filepath.SkipDir
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("report: run directory must exist (got %q)", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("report: %s must hold a run, a folder with %s", dir, run.MetricsFile)
	}
	return found, nil
}

// loadRun reads one run directory. Names that its configuration does not tell
// come from the path <reward>/seed-<n>.
func loadRun(dir string) (*Run, error) {
	r := &Run{Dir: dir}
	if err := r.loadSettings(); err != nil {
		return nil, err
	}
	for _, file := range []struct {
		name string
		load func() (torn bool, err error)
	}{
		{run.MetricsFile, r.loadMetrics}, {run.TimingsFile, r.loadTimings}, {run.CompletionsFile, r.loadAnswers},
		{run.WarningsFile, r.loadWarnings},
	} {
		torn, err := file.load()
		if err != nil {
			return nil, err
		}
		if torn {
			r.warn("the last line of %s is cut off and was left out", file.name)
		}
	}
	if err := r.loadLook(); err != nil {
		return nil, err
	}
	if top, yes := constant(r.First); yes {
		r.warn("before training the child already gives %s to %s of the prompts", top.quote(), percent(top.Share))
	}
	if want, err := strconv.Atoi(r.Config["episodes"]); err == nil && r.Episodes < want {
		early := ""
		if _, err := os.Stat(filepath.Join(r.Dir, "child")); err == nil && r.Config["early_stopping.patience"] != "" {
			early = " early,"
		}
		r.warn("the run stopped%s at %d of %d episodes", early, r.Episodes, want)
	}
	return r, nil
}

// keptWarnings is how many warnings of one run are listed.
const keptWarnings = 10

// loadWarnings lists what the run itself warned of, each text once.
func (r *Run) loadWarnings() (torn bool, err error) {
	var texts []string
	torn, err = run.ReadWarnings(r.Dir, func(w run.Warning) error {
		if !slices.Contains(texts, w.Text) && len(texts) <= keptWarnings {
			texts = append(texts, w.Text)
		}
		return nil
	})
	if len(texts) > keptWarnings {
		texts[keptWarnings] = "more warnings stand in " + run.WarningsFile
	}
	r.Warnings = append(r.Warnings, texts...)
	return torn, err
}

// loadLook reads what was seen of the child.
func (r *Run) loadLook() error {
	l, ok, err := run.ReadLook(r.Dir)
	if ok {
		for _, text := range l.Lines() {
			r.Look = append(r.Look, pageText(text, longestText))
		}
	}
	return err
}

func (r *Run) loadSettings() error {
	var err error
	if r.Config, err = flattenFile(filepath.Join(r.Dir, run.ConfigFile)); err != nil {
		return err
	}
	if r.Config["early_stopping.patience"] == "0" { // off, as in runs that are older than it
		maps.DeleteFunc(r.Config, func(key, _ string) bool { return strings.HasPrefix(key, "early_stopping.") })
	}
	if r.Environment, err = flattenFile(filepath.Join(r.Dir, run.EnvironmentFile)); err != nil {
		return err
	}
	r.Task = pageText(first(r.Config["task"], r.Config["task.name"], "task"), longestName)
	r.Reward = pageText(first(r.Config["reward"], r.Config["reward.name"]), longestName)
	absolute, err := filepath.Abs(r.Dir)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	inSeed := seedFolder.FindStringSubmatch(filepath.Base(absolute))
	if r.Reward == "" && inSeed != nil {
		r.Reward = filepath.Base(filepath.Dir(absolute))
	}
	r.Reward = first(r.Reward, filepath.Base(absolute))
	r.Arm = pageText(first(r.Config["arm"], r.Reward), longestName)
	if seed, err := strconv.ParseInt(r.Config["seed"], 10, 64); err == nil {
		r.Seed = seed
	} else if inSeed != nil {
		r.Seed, _ = strconv.ParseInt(inSeed[1], 10, 64) // digits, by the pattern
	}
	return nil
}

func (r *Run) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
