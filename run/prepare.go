package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/parent"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// Deps are parts of a run that need not be opened by the names in its Config.
// What is nil is opened.
type Deps struct {
	Model    *hf.Model // the start child
	Task     *task.Task
	Parent   parent.Parent
	Embedder embed.Embedder
	Scorer   custom.Scorer // answers the term custom of the reward, which must have it
	Cache    *cache.Cache  // of parent and embedder where these are opened; nil = none
	Pool     *kernel.Pool  // threads of the engine
	Events   []Subscriber  // get every event beside the files of the run
	Clock    func() time.Time
	Stdin    func() ([]byte, error) // the task where its name is -
	Command  string                 // the command line, for the model card; "" = none
	Program  string                 // version of the program, likewise

	shared *shared // sources of a comparison
}

// run is one open run.
type run struct {
	cfg    Config
	steps  int // of the whole run
	dir    *directory
	events eventStream
	clock  func() time.Time

	start    map[string][]byte // files of the start, by name, until begin writes them
	seen     []byte            // look.json, likewise; nil where nobody looked
	command  string            // that began the run
	program  string            // its version
	early    eventStream       // subscribers alone, before the files are open
	warnings warnings          // of sources and of the watch, not yet emitted
	watch    *watch            // of training
	arbiter  *arbiter          // of the evaluations

	extensions []Extension // of its episodes
	before     *Config     // of a run that is to be extended, until then

	notes  []string // what was decided, for Started
	shared *shared  // of a comparison, else nil
	asked  Asked    // what the parent was asked; zero where a table answered

	task     *task.Task
	match    *task.Matcher // what counts as an answer
	embedder embed.Embedder
	scorers  reward.Scorers // of the terms that are the user's own; closed by the caller of prepare
	scorer   *reward.Model
	terms    []string // [terms] name of each term of the reward in metrics
	prompts  []prompt // those trained on
	mixture  mixture  // the order of these
	evals    []split  // those evaluated, by split
	cosines  bool     // greedy answers are logged with their cosine, see logsCosines

	model          *hf.Model
	prompter       *hf.Prompter // of the child
	startName      string       // of the start child, for readers
	startSHA       string       // of the start child, see digest
	startFolderSHA string       // likewise, see childFolderSHA
	state          *lm.State    // of the rollout, training
	policy         *rl.ModelPolicy
	adam           *lm.AdamW
	algo           rl.Algorithm
	needs          rl.Needs

	reference *rl.Reference // frozen start child; nil where nothing needs it; with adapters it shares the model's weights

	teacher    *lm.Model   // nil where no algorithm needs it
	teacherSHA string      // its weights
	preference *preference // answers the term preferred; nil where the reward has none

	hits      *rl.Memory // those to replay
	finder    *lm.State  // of search
	done      int        // updates so far
	evaluated bool       // the evaluation due at done is in the files
	dropped   int        // samples without a reward so far
	lastEval  map[string]float64
}

// prompt is a task's item as a run needs it.
type prompt struct {
	item      task.Item
	index     int      // in the task: names its streams of random numbers
	tokens    []int32  // of the prompt; the response begins with its joint
	reference string   // the parent's answer, which the reward compares with
	truth     string   // what the evaluation compares with: the task's reference if it has one
	accepted  []string // further right answers, where the parent's is right
	teaches   []int32  // tokens of the parent's answer and its end, for an algorithm that learns from it; else nil
}

// split is the evaluated prompts of one split.
type split struct {
	name    string // "train" or "held_out"
	prompts []prompt
}

// prepare opens everything that a run needs: task, embedder, child, the parent's
// answers, reward and prompts. The run is at step 0.
func prepare(ctx context.Context, cfg Config, d *directory, deps Deps) (*run, error) {
	r := &run{
		cfg: cfg, steps: cfg.Steps(), dir: d, start: map[string][]byte{}, clock: deps.Clock, early: deps.Events,
		shared: deps.shared, match: cfg.Matcher(), command: deps.Command, program: deps.Program, startName: ShortName(cfg.Child),
	}
	if deps.Model != nil {
		r.startName = givenModel
	}
	r.needs, r.hits = cfg.Options.Needs(cfg.Algorithm), rl.NewMemory(cfg.Replay)
	err := r.openTask(deps)
	if err != nil {
		return nil, config.Bad(err)
	}
	if r.algo, err = rl.New(cfg.Algorithm, cfg.Options); err != nil {
		return nil, config.Bad(err)
	}
	if err := r.openChild(deps); err != nil {
		return nil, err
	}
	if err := r.openScorers(deps); err != nil {
		return nil, err
	}
	answers, err := r.openAnswers(ctx, deps)
	if err != nil {
		return nil, err
	}
	if err := r.decide(answers); err != nil {
		return nil, err
	}
	if err := r.openReward(ctx, answers); err != nil {
		return nil, err
	}
	if err := r.openPrompts(answers); err != nil {
		return nil, err
	}
	r.openPreference()
	r.notePlan()
	if err := r.remember(); err != nil {
		return nil, config.Errorf("child: %w", err)
	}
	return r, nil
}

// openTask opens the task and what embeds its answers.
func (r *run) openTask(deps Deps) (err error) {
	if err := r.loadTask(deps); err != nil {
		return err
	}
	r.embedder, err = r.openEmbedder(deps)
	return err
}

// stdinTask is the name of a task that is read from standard input. A run keeps what was
// there, since it cannot be read again.
const stdinTask = "-"

// loadTask reads the task, or takes the one that was given.
func (r *run) loadTask(deps Deps) (err error) {
	if r.task = deps.Task; r.task != nil {
		return nil
	}
	o := r.cfg.Data
	if r.cfg.Task == stdinTask {
		text, err := r.stdin(deps)
		if err != nil {
			return err
		}
		o.Stdin = bytes.NewReader(text)
	}
	if r.task, err = task.Load(r.cfg.Task, o); err != nil {
		return err
	}
	for _, text := range append(slices.Clone(r.task.Warnings), r.task.FewHeldOut()) {
		if text != "" {
			r.warnAtStart("task: " + text)
		}
	}
	return nil
}

// warnAtStart warns of what holds for the whole run, which a resumed one has said already; of
// the runs of a comparison one says it.
func (r *run) warnAtStart(text string) {
	if (r.dir == nil || !r.dir.begun) && r.shared.first(text) {
		r.warnings.add(text)
	}
}

// stdin is the task that standard input held when the run began.
func (r *run) stdin(deps Deps) (text []byte, err error) {
	switch {
	case r.dir != nil && r.dir.begun:
		return os.ReadFile(r.dir.file(taskFile))
	case deps.Stdin == nil:
		return nil, config.Errorf("task: must not be -, as nothing is read here")
	}
	if text, err = deps.Stdin(); err == nil && r.dir != nil {
		r.start[taskFile] = text
	}
	return text, err
}

// openChild loads the start child and what trains it.
func (r *run) openChild(deps Deps) error {
	start, err := r.startChild(deps)
	if err != nil {
		return err
	}
	r.startSHA = digest(start.Model)
	if deps.Model == nil {
		if r.startFolderSHA, err = childFolderSHA(r.cfg.Child); err != nil {
			return config.Bad(err)
		}
	}
	if err := r.adopt(start, deps.Pool); err != nil {
		return err
	}
	if r.referenced() {
		r.reference = rl.NewReference(start.Frozen())
	}
	return r.openTeacher()
}

// startChild loads the start child, or copies the one that was given.
func (r *run) startChild(deps Deps) (*hf.Model, error) {
	if deps.Model != nil {
		return deps.Model.Clone(), nil
	}
	start, err := OpenChild(r.cfg.Child)
	if err != nil {
		return nil, err
	}
	if text := start.Warning(); text != "" && deps.shared.first("child: "+text) {
		r.warnings.add("child: " + text)
	}
	return start, nil
}

// adopt makes the start child the one that is trained.
func (r *run) adopt(start *hf.Model, pool *kernel.Pool) error {
	start.Pool = pool
	if err := r.cfg.LoRA.Prepare(start, r.cfg.Child, r.cfg.Seed); err != nil {
		return config.Bad(err)
	}
	r.model = start
	var err error
	if r.prompter, err = r.cfg.ChatTemplate.Prompter(start); err != nil {
		return config.Errorf("child: %w", err)
	}
	return nil
}

// referenced says whether the run compares the child with itself at the start.
func (r *run) referenced() bool { return r.needs.Reference || r.cfg.MeasureKL }

// openPolicy makes the optimiser and the policy of the model, which is the start
// child or that of a checkpoint.
func (r *run) openPolicy() {
	if r.needs.Values {
		r.model.ValueHead(r.needs.Detached)
	}
	o := r.cfg.Optimizer
	r.adam = lm.NewAdamW()
	r.adam.Beta1, r.adam.Beta2, r.adam.Eps, r.adam.WeightDecay = o.Beta1, o.Beta2, o.Eps, o.WeightDecay
	r.model.Recompute = r.cfg.Recompute
	r.state = r.model.NewState(true)
	r.policy = &rl.ModelPolicy{Model: r.model.Model, Optimizer: r.adam, ValueLRFactor: r.needs.ValueLRFactor, Teacher: r.teacher}
}

// openPrompts tokenises the items that have an answer and sorts them into
// those to train on and those to evaluate.
func (r *run) openPrompts(answers map[string]string) error {
	var all []prompt
	for i, it := range r.task.Items {
		reference, ok := answers[it.ID]
		if !ok {
			continue
		}
		p := prompt{item: it, index: i, reference: reference, truth: it.Reference}
		if p.truth == "" {
			p.truth = reference
		}
		if r.match.Agree(reference, p.truth, it.Accepted) {
			p.accepted = it.Accepted
		}
		var err error
		if p.tokens, err = r.prompter.Item(it); err != nil {
			return config.Errorf("task: item %s: %w", it.ID, err)
		}
		all = append(all, p)
	}
	if r.needs.Parent {
		if err := r.teachable(all); err != nil {
			return err
		}
	}
	r.decideLimit(answers, all)
	fitting, err := r.fitting(all)
	if err != nil {
		return err
	}
	bySplit := map[task.Split][]prompt{}
	for _, p := range fitting {
		bySplit[p.item.Split] = append(bySplit[p.item.Split], p)
	}
	r.prompts = bySplit[task.Train]
	if len(r.prompts) == 0 {
		return config.Errorf("task: %s has no prompt to train on", r.task.Name)
	}
	if r.mixture, err = newMixture(r.task, r.prompts); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		split task.Split
	}{{"train", task.Train}, {"held_out", task.HeldOut}} {
		if chosen := spread(bySplit[s.split], r.cfg.EvalPrompts); len(chosen) > 0 {
			r.evals = append(r.evals, split{s.name, chosen})
		}
	}
	return r.checkSplits()
}

// fitting leaves out the prompts that the child's context cannot hold with an answer, with a
// warning; where they are more than half that is an error.
func (r *run) fitting(all []prompt) ([]prompt, error) {
	var out []prompt
	var first error
	for _, p := range all {
		if err := r.model.Config.Fits(p.tokens, r.cfg.Rollout.MaxNewTokens); err == nil {
			out = append(out, p)
		} else if first == nil {
			first = config.Errorf("task: item %s: %w", p.item.ID, err)
		}
	}
	long := len(all) - len(out)
	switch {
	case long > len(out):
		return nil, first
	case long > 0:
		r.warnAtStart(fmt.Sprintf("task: %d of %d prompts do not fit in the context of the child with an answer of %d tokens and are left out; the first: %s",
			long, len(all), r.cfg.Rollout.MaxNewTokens, strings.TrimPrefix(first.Error(), "task: ")))
	}
	return out, nil
}

// spread picks n prompts evenly from all; all of them where n is 0 or too many.
func spread(all []prompt, n int) []prompt {
	if n == 0 || len(all) <= n {
		return all
	}
	out := make([]prompt, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// digest identifies the weights of a model: the hex SHA-256 of all parameters,
// those of its adapters last.
func digest(m *lm.Model) string {
	h := sha256.New()
	var buf []byte
	for _, p := range slices.Concat(m.Params(), m.LoRAParams()) {
		for some := range slices.Chunk(p.Value, 1<<16) { // no matrix as a whole: of a large model they are large
			buf = buf[:0]
			for _, v := range some {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			h.Write(buf)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
