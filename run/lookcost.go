package run

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/rl"
)

// LookCost is what the run will cost, estimated from the look: good to a factor of
// about 1.5.
type LookCost struct {
	EpisodesPerSecond float64 `json:"episodes_per_second"` // of training
	Hours             float64 `json:"hours"`               // of the whole run, evaluations included
	MemoryGB          float64 `json:"memory_gb"`           // at the most, 1e9 bytes
	MachineGB         float64 `json:"machine_gb"`          // that the machine has; 0 = not known
	Trained           int     `json:"trained_weights"`
}

// lookTimes are seconds of the parts of a step for the samples of a rollout.
type lookTimes struct {
	rollout            rl.Rollout
	sample             float64
	score              float64 // of one answer
	evaluate, backward float64 // log-probabilities and values of all tokens; their gradient
	optimise           float64 // one update of the weights
}

// backwardShare is how long Backward takes against sampling where it is not measured:
// sampling computes the forward once, a token at a time.
const backwardShare = 2

// lookUpdate times what an update computes, without changing weights or moments.
func (r *run) lookUpdate(t *lookTimes) error {
	if t.sample > lookSeconds {
		t.backward = backwardShare * t.sample
		return nil
	}
	for range 2 {
		if err := r.lookPass(t); err != nil {
			return err
		}
		if t.evaluate+t.backward >= lookAgain {
			break
		}
	}
	begin := r.clock()
	for _, p := range r.trainedParams() {
		kernel.Stream(r.model.Pool, p.Value)
	}
	t.optimise = optimiserTraffic * r.clock().Sub(begin).Seconds()
	return nil
}

// lookPass times log-probabilities, values and gradient of the rollout.
func (r *run) lookPass(t *lookTimes) error {
	begin := r.clock()
	if _, err := r.policy.Begin(t.rollout); err != nil {
		return err
	}
	t.evaluate = r.clock().Sub(begin).Seconds()
	all := make([]int, len(t.rollout.Generations))
	for i := range all {
		all[i] = i
	}
	begin = r.clock()
	e := r.policy.Forward(all)
	g := rl.Grad{LogProbs: make([]float32, len(e.LogProbs))}
	for i := range g.LogProbs {
		g.LogProbs[i] = 1
	}
	if e.Values != nil {
		g.Values = g.LogProbs
	}
	r.policy.Backward(g)
	t.backward = r.clock().Sub(begin).Seconds()
	r.model.ZeroGrad()
	return nil
}

// optimiserTraffic is how often AdamW reads or writes the trained weights, their
// gradients and both moments, the norm of the gradient included; its time is that.
const optimiserTraffic = 8

// lookCost estimates the whole run.
func (r *run) lookCost(t lookTimes) LookCost {
	looked, perStep := float64(len(t.rollout.Generations)), float64(r.cfg.EpisodesPerStep())
	passes, updates := r.cfg.Options.Passes(r.cfg.Algorithm)
	forwards := float64(max(0, passes-1)) // of the first pass the rollout's own rows are at hand
	if updates > 1 {
		forwards++
	}
	update := t.evaluate + float64(passes)*t.backward + forwards*t.backward/2
	if r.needs.Reference {
		update += t.backward / 2
	}
	step := perStep/looked*(t.sample+update) + perStep*t.score + float64(passes*updates)*t.optimise
	c := LookCost{Trained: r.trainedWeights(), MachineGB: machineGB(), MemoryGB: r.memoryGB(perStep / looked)}
	if step > 0 {
		c.EpisodesPerSecond = perStep / step
	}
	c.Hours = (float64(r.steps)*step + float64(r.evaluations())*r.evaluationSeconds(t)) / 3600
	return c
}

// evaluations is how often the run evaluates.
func (r *run) evaluations() int {
	n := 2
	if every := r.cfg.EvalEvery; every > 0 {
		n += (r.steps - 1) / every
	}
	return n
}

// evaluationSeconds scales the time of sampling by the rows of one answer to each
// evaluated prompt.
func (r *run) evaluationSeconds(t lookTimes) float64 {
	rollout := t.rollout
	var answers float64 // rows of them: the last token of an answer has none
	for _, g := range rollout.Generations {
		answers += float64(len(g.Tokens) - 1)
	}
	rows := float64(rollout.State.Rows())
	perPrompt := (rows-answers)/float64(len(rollout.Prompts)) + answers/float64(len(rollout.Generations))
	var prompts float64
	for _, s := range r.evals {
		prompts += float64(len(s.prompts))
	}
	return t.sample * prompts * perPrompt / rows
}

// trainedParams are the parameters that change, the value head not among them.
func (r *run) trainedParams() []*lm.Param {
	if r.cfg.LoRA.On() {
		return r.model.LoRAParams()
	}
	return r.model.Params()
}

// trainedWeights is how many weights change.
func (r *run) trainedWeights() int {
	n := 0
	for _, p := range r.trainedParams() {
		n += p.K * p.N
	}
	return n
}

// memoryGB estimates the most memory of the run, whose steps have scale times the
// activations of the look: weights, those of the reference, gradient and two moments
// of what is trained, activations with room to grow.
func (r *run) memoryGB(scale float64) float64 {
	numbers := r.model.NumParams() + 3*r.trainedWeights()
	if r.referenced() && !r.cfg.LoRA.On() {
		numbers += r.model.NumParams()
	}
	return (4*float64(numbers) + activationRoom*scale*float64(r.state.Bytes()) + processBytes) / 1e9
}

const (
	activationRoom = 1.5   // State grows by half, and Backward has work space of its own
	processBytes   = 200e6 // of embedder, tokenizer, logits and program
)

// machineGB is the memory of the machine, or of its part that the process may use;
// 0 where the system does not tell.
func machineGB() float64 {
	least := 0.0
	for path, read := range map[string]func(text string) (float64, error){
		"/proc/meminfo": func(text string) (float64, error) {
			_, rest, _ := strings.Cut(text, "MemTotal:")
			rest, _, _ = strings.Cut(rest, "kB")
			kb, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return kb * 1024, err
		},
		"/sys/fs/cgroup/memory.max": func(text string) (float64, error) { // "max" is no number
			return strconv.ParseFloat(strings.TrimSpace(text), 64)
		},
	} {
		text, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			continue
		}
		if bytes, err := read(string(text)); err == nil && (least == 0 || bytes < least) {
			least = bytes
		}
	}
	return least / 1e9
}
