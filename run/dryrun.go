package run

import (
	"context"
	"fmt"
	"os"
	"time"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/parent"
	"pgsrm/rl"
	"pgsrm/task"
)

// Plan is what a run would do.
type Plan struct {
	Task     string `json:"task"`
	Train    int    `json:"train_prompts"`
	HeldOut  int    `json:"held_out_prompts"`
	Child    string `json:"child"`
	Weights  int    `json:"weights"`         // of the child
	Trained  int    `json:"trained_weights"` // those that change
	Parent   string `json:"parent"`          // its identity
	Embedder string `json:"embedder"`        // its model
	Steps    int    `json:"steps"`
	Episodes int    `json:"episodes"`
	// Notes say what was decided about preset and longest answer, or is left to the
	// parent's answers.
	Notes []string `json:"notes,omitempty"`
	// Warnings are what a run would warn of at its start.
	Warnings []string `json:"warnings,omitempty"`
	Out      string   `json:"out"`
	State    string   `json:"state"` // of Out, see Inspect
	Look     *Look    `json:"look,omitempty"`
}

// DryRun opens all that a run of the configuration would and reports what it
// would do, or the error with which it would begin. Nothing is trained or written,
// no server is asked and no process started. Of an embedder that would write an index only the file is
// looked for. A run that has not begun looks at its child as it would.
func DryRun(ctx context.Context, cfg Config, resume bool, deps Deps) (Plan, error) {
	state, err := checkOut(&cfg, resume)
	if err != nil {
		return Plan{}, err
	}
	defer ownPool(cfg, &deps)()
	deps.Cache = nil
	r := &run{cfg: cfg, steps: cfg.Steps(), needs: cfg.Options.Needs(cfg.Algorithm), clock: time.Now, match: cfg.Matcher()}
	if err := r.loadTask(deps); err != nil {
		return Plan{}, config.Bad(err)
	}
	p := Plan{Task: r.task.Name, Child: cfg.Child, Out: cfg.Out, State: state}
	if p.Embedder, err = r.tryEmbedder(deps); err != nil {
		return Plan{}, config.Bad(err)
	}
	if err := r.openScorers(deps); err != nil {
		return Plan{}, err
	}
	if _, err := rl.New(cfg.Algorithm, cfg.Options); err != nil {
		return Plan{}, err
	}
	start, err := r.startChild(deps)
	if err != nil {
		return Plan{}, err
	}
	if err := r.adopt(start, deps.Pool); err != nil {
		return Plan{}, err
	}
	if err := r.openTeacher(); err != nil {
		return Plan{}, err
	}
	source, err := r.openParent(deps)
	if err != nil {
		return Plan{}, config.Bad(err)
	}
	p.Parent = source.Identity()
	if looks := cfg.looks() && state != DirBegun && state != DirComplete; looks {
		p.Look, err = r.tryLook(ctx, source)
	} else {
		err = r.openPrompts(r.references())
	}
	if r.cfg.Preset == "" {
		r.note("preset lexical or sentence, by the parent's answers")
	}
	if err != nil {
		return Plan{}, err
	}
	if _, costly := parent.PlanOf(ctx, source, r.task.Items); costly && cfg.Rollout.MaxNewTokens == 0 && !Builtin(cfg.Child) {
		r.note("the references of the task stand for the answers of the parent, which decide")
	}
	p.Steps, p.Episodes = r.steps, r.steps*cfg.EpisodesPerStep()
	p.Notes, p.Warnings = r.notes, r.warnings.take()
	p.Train, p.HeldOut = len(r.task.Select(task.Train)), len(r.task.Select(task.HeldOut))
	p.Weights, p.Trained = r.model.NumParams(), r.trainedWeights()
	return p, nil
}

// DryCompare is DryRun for the runs of a comparison, the first of each arm whose
// configuration differs in more than the reward; the others open the same things. The
// first of all alone looks at the child.
func DryCompare(ctx context.Context, arms []Arm, deps Deps) ([]Plan, error) {
	plans := make([]Plan, len(arms))
	opened := map[string]int{} // the run that stands for an arm
	for i, a := range arms {
		like, ok := opened[a.Config.Arm] // "" = nothing but the reward
		if ok {
			state, err := checkOut(&a.Config, true)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.Name, err)
			}
			plans[i] = plans[like]
			plans[i].Out, plans[i].State, plans[i].Look = a.Config.Out, state, nil
			continue
		}
		if i > 0 {
			a.Config.Look = "off"
		}
		var err error
		if plans[i], err = DryRun(ctx, a.Config, true, deps); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		opened[a.Config.Arm] = i
	}
	return plans, nil
}

// checkOut refuses a run directory that a run could not begin in, and takes over what
// a run there has decided.
func checkOut(cfg *Config, resume bool) (state string, err error) {
	if state, err = Inspect(cfg.Out); err != nil || state != DirBegun && state != DirComplete {
		return state, err
	}
	if !resume {
		return "", config.Errorf("out: %s holds a run already, resume it with --resume or choose another folder", cfg.Out)
	}
	began, _, err := ReadConfig(cfg.Out)
	if err != nil {
		return "", err
	}
	return state, cfg.continues(began, cfg.Out)
}

// tryEmbedder opens the embedder, unless it would write, and names it.
func (r *run) tryEmbedder(deps Deps) (string, error) {
	if path, ok := embed.IndexedFile(r.cfg.Embedder); ok && deps.Embedder == nil {
		_, err := os.Stat(path)
		return r.cfg.Embedder, err
	}
	var err error
	if r.embedder, err = r.openEmbedder(deps); err != nil {
		return "", err
	}
	return r.embedder.Identity().Model, nil
}

// references stand for the answers of a parent that is not asked.
func (r *run) references() map[string]string {
	answers := map[string]string{}
	for _, it := range r.task.Items {
		answers[it.ID] = it.Reference
	}
	return answers
}
