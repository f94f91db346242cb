package rl

import (
	"fmt"
	"slices"

	"pgsrm/lm"
)

// Rollout is what the sampler left: the prefix tree and the responses on it.
type Rollout struct {
	State       *lm.State       // training State with the rows of all generations computed; a ModelPolicy takes it over
	Prompts     [][]int32       // [P] token ids, none empty
	G           int             // samples per prompt
	Generations []lm.Generation // [P*G], those of prompt p at p*G..p*G+G-1
	Temperature float32         // of the sampler
	Replayed    []Replayed      // hits of earlier rollouts, whole distributions alone; their responses follow those of Generations
}

// response is the prompt and the tokens of response i, and the supports of these where
// the distribution was truncated.
func (r *Rollout) response(i int) (prompt, tokens []int32, support [][]int32) {
	if at := i - len(r.Generations); at >= 0 {
		h := &r.Replayed[at]
		return r.Prompts[h.Prompt], h.Tokens, nil
	}
	gen := &r.Generations[i]
	return r.Prompts[i/r.G], gen.Tokens, gen.Support
}

// Demonstrations is a rollout of given answers, one to each prompt, at temperature 1: what a
// child would have left that said these. Its rows are computed in the training State s, under
// the weights as they are. answers [P], each of at least one token, its end included
func Demonstrations(m *lm.Model, s *lm.State, prompts, answers [][]int32) (Rollout, error) {
	s.Reset()
	r := Rollout{State: s, Prompts: prompts, G: 1, Generations: make([]lm.Generation, len(answers)), Temperature: 1}
	for i, tokens := range answers {
		r.Generations[i] = lm.Generation{Tokens: tokens, Finish: "eos"}
	}
	if err := r.check(); err != nil {
		return r, err
	}
	var targets []lm.Target
	for i := range answers {
		rows := s.AddSequence(r.path(i))
		r.Generations[i].Rows = rows[len(prompts[i])-1:]
		targets = r.targets(targets, i, r.Generations[i].Rows)
	}
	m.Forward(s)
	var scores lm.Scores
	if err := m.Score(s, targets, r.Temperature, &scores); err != nil {
		return r, fmt.Errorf("rl: demonstrations: %w", err)
	}
	at := 0
	for i, tokens := range answers {
		from, to := at, at+len(tokens)
		at = to
		r.Generations[i].LogProbs, r.Generations[i].Entropy = scores.LogProb[from:to:to], scores.Entropy[from:to:to]
	}
	return r, nil
}

// path is the sequence whose rows predict the tokens of response i: the prompt
// and the response without its last token.
func (r *Rollout) path(i int) []int32 {
	prompt, tokens, _ := r.response(i)
	return slices.Concat(prompt, tokens[:len(tokens)-1])
}

// targets appends one Target per token of response i, predicted from rows. [T]
func (r *Rollout) targets(to []lm.Target, i int, rows []int32) []lm.Target {
	_, tokens, support := r.response(i)
	for t, token := range tokens {
		target := lm.Target{Row: rows[t], Token: token}
		if support != nil {
			target.Support = support[t]
		}
		to = append(to, target)
	}
	return to
}

// build packs the given responses into the empty State s and returns their
// targets, flat. [sum of T]
func (r *Rollout) build(s *lm.State, to []lm.Target, responses []int) []lm.Target {
	for _, i := range responses {
		rows := s.AddSequence(r.path(i))
		prompt, _, _ := r.response(i)
		to = r.targets(to, i, rows[len(prompt)-1:])
	}
	return to
}

func (r *Rollout) check() error {
	switch {
	case r.G < 1 || len(r.Generations) != len(r.Prompts)*r.G:
		return fmt.Errorf("rl: rollout must hold %d*%d generations (got %d)", len(r.Prompts), r.G, len(r.Generations))
	case !(r.Temperature > 0):
		return fmt.Errorf("rl: temperature of a rollout must be above 0 (got %v)", r.Temperature)
	}
	for p, prompt := range r.Prompts {
		if len(prompt) == 0 {
			return fmt.Errorf("rl: prompt %d must have a token (got none)", p)
		}
	}
	for i := range r.Generations {
		if len(r.Generations[i].Tokens) == 0 {
			return fmt.Errorf("rl: generation %d must have a token (got none)", i)
		}
	}
	for i, h := range r.Replayed {
		switch {
		case h.Prompt < 0 || h.Prompt >= len(r.Prompts):
			return fmt.Errorf("rl: replayed response %d: prompt must be in 0..%d (got %d)", i, len(r.Prompts)-1, h.Prompt)
		case len(h.Tokens) == 0 || len(h.LogProbs) != len(h.Tokens):
			return fmt.Errorf("rl: replayed response %d must have a log-probability for each of its tokens, at least one (got %d for %d)", i, len(h.LogProbs), len(h.Tokens))
		}
	}
	return nil
}

// ModelPolicy is a Policy over a language model. While the weights are those
// of the rollout it answers from the rollout's own rows, so that nothing is
// computed twice and the first ratio is exactly 1; afterwards it packs the
// asked responses into a prefix tree in its place. Not safe for concurrent use.
type ModelPolicy struct {
	Model         *lm.Model
	Optimizer     *lm.AdamW
	ValueLRFactor float64   // learning rate of the value head over that of the trunk; 0 = 1
	Teacher       *lm.Model // for Distil, with the vocabulary of Model; else nil

	teaching *lm.State // of Teacher
	rollout  Rollout
	fresh    bool        // the weights are the rollout's, and Backward has not used its rows
	scores   lm.Scores   // of all responses on the rollout's rows [sum of T]
	starts   []int       // place of each response in scores [N+1]
	all      []lm.Target // of all responses on the rollout's rows [sum of T]

	last    []int       // responses of the last Forward
	reused  bool        // the last Forward answered from the rollout's rows
	targets []lm.Target // of the last Forward that did not [sum of T]
	packed  lm.Scores   // their scores [sum of T]
}

// Begin takes a rollout, nothing replayed yet, made under the current weights and returns its samples,
// with values where the model has a value head; RefLogProbs, Reward and Dropped
// are left to the caller. [P*G]
func (p *ModelPolicy) Begin(r Rollout) ([]Sample, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p.rollout, p.fresh = r, true
	p.all, p.starts = p.all[:0], append(p.starts[:0], 0)
	p.scores.LogProb, p.scores.Entropy = p.scores.LogProb[:0], p.scores.Entropy[:0]
	for i := range r.Generations {
		gen := &r.Generations[i]
		p.all = r.targets(p.all, i, gen.Rows)
		p.starts = append(p.starts, len(p.all))
		p.scores.LogProb = append(p.scores.LogProb, gen.LogProbs...)
		p.scores.Entropy = append(p.scores.Entropy, gen.Entropy...)
	}
	if err := p.Model.ScoreValues(r.State, p.all, &p.scores); err != nil {
		return nil, fmt.Errorf("rl: rollout: %w", err)
	}

	samples := make([]Sample, len(r.Generations))
	for i := range samples {
		gen, lo, hi := &r.Generations[i], p.starts[i], p.starts[i+1]
		samples[i] = Sample{Prompt: i / r.G, Tokens: gen.Tokens, LogProbs: gen.LogProbs}
		if p.scores.Value != nil {
			samples[i].Values = slices.Clone(p.scores.Value[lo:hi])
		}
	}
	return samples, nil
}

// Replay adds hits to the rollout that Begin took, under the same weights, and returns
// their samples, which follow those of Begin in the batch: log-probabilities and values
// are those of now. Only the rows that the rollout's tree does not have are computed.
// RefLogProbs are left to the caller. [len(hits)]
func (p *ModelPolicy) Replay(hits []Replayed, o ReplayOptions) ([]Sample, error) {
	r := &p.rollout
	r.Replayed = hits
	if err := r.check(); err != nil {
		return nil, err
	}
	var responses []int
	for k := range hits {
		responses = append(responses, len(r.Generations)+k)
	}
	targets := r.build(r.State, nil, responses)
	p.Model.Forward(r.State)
	var scores lm.Scores
	if err := p.Model.Score(r.State, targets, r.Temperature, &scores); err != nil {
		return nil, fmt.Errorf("rl: replay: %w", err)
	}
	p.all = append(p.all, targets...)
	p.scores.LogProb = append(p.scores.LogProb, scores.LogProb...)
	p.scores.Entropy = append(p.scores.Entropy, scores.Entropy...)
	p.scores.Value = append(p.scores.Value, scores.Value...)

	samples := make([]Sample, len(hits))
	at := 0
	for k, h := range hits {
		lo, hi := at, at+len(h.Tokens)
		at = hi
		p.starts = append(p.starts, p.starts[len(p.starts)-1]+len(h.Tokens))
		now := scores.LogProb[lo:hi:hi]
		samples[k] = Sample{Prompt: h.Prompt, Tokens: h.Tokens, LogProbs: now, Reward: h.Reward, Replayed: true, Weight: o.weight(now, h.LogProbs)}
		if scores.Value != nil {
			samples[k].Values = scores.Value[lo:hi:hi]
		}
	}
	return samples, nil
}

// Forward implements Policy. Rows of the rollout are reused when at least two
// thirds of the responses are asked for: forward costs one unit and backward
// two, so a smaller share is cheaper to pack anew than to run backward over the
// whole tree. Both give the same bits. Rows that are packed anew take the place of the rollout's.
func (p *ModelPolicy) Forward(samples []int) Eval {
	p.last = append(p.last[:0], samples...)
	p.reused = p.fresh && 3*len(samples) >= 2*(len(p.starts)-1)
	if p.reused {
		return p.fromRollout()
	}
	s := p.rollout.State
	p.fresh = false
	s.Reset()
	p.targets = p.rollout.build(s, p.targets[:0], samples)
	p.Model.Forward(s)
	_ = p.Model.Score(s, p.targets, p.rollout.Temperature, &p.packed) // what is not finite shows in the metrics, which name it
	return Eval{LogProbs: p.packed.LogProb, Entropy: p.packed.Entropy, Values: p.packed.Value}
}

// fromRollout picks the scores of the asked responses.
func (p *ModelPolicy) fromRollout() Eval {
	pick := func(all []float32) []float32 {
		if all == nil {
			return nil
		}
		var flat []float32
		for _, i := range p.last {
			flat = append(flat, all[p.starts[i]:p.starts[i+1]]...)
		}
		return flat
	}
	return Eval{LogProbs: pick(p.scores.LogProb), Entropy: pick(p.scores.Entropy), Values: pick(p.scores.Value)}
}

// Backward implements Policy.
func (p *ModelPolicy) Backward(g Grad) {
	if !p.reused {
		p.Model.Backward(p.rollout.State, p.targets, p.rollout.Temperature, lm.ScoreGrads{LogProb: g.LogProbs, Entropy: g.Entropy, Value: g.Values})
		return
	}
	p.fresh = false
	spread := func(flat []float32) []float32 { // responses that were not asked for have gradient 0
		if flat == nil {
			return nil
		}
		all := make([]float32, len(p.all))
		for _, i := range p.last {
			n := copy(all[p.starts[i]:p.starts[i+1]], flat)
			flat = flat[n:]
		}
		return all
	}
	p.Model.Backward(p.rollout.State, p.all, p.rollout.Temperature,
		lm.ScoreGrads{LogProb: spread(g.LogProbs), Entropy: spread(g.Entropy), Value: spread(g.Values)})
}

// Distil implements distiller. Rows from which several samples go on count as often. The
// distributions are those at temperature 1, whole.
func (p *ModelPolicy) Distil(f lm.RowLoss) (float64, error) {
	if p.Teacher == nil || p.Teacher.Config.Vocab != p.Model.Config.Vocab {
		return 0, fmt.Errorf("rl: distillation needs a teacher with the vocabulary of the child")
	}
	if p.teaching == nil {
		p.teaching = p.Teacher.NewState(false)
	}
	p.teaching.Reset()
	targets := p.targets
	if p.reused {
		p.fresh, targets = false, nil
		for _, i := range p.last {
			targets = append(targets, p.all[p.starts[i]:p.starts[i+1]]...)
		}
	}
	var rows, theirs []int32
	var weights []float32
	at, k := map[int32]int{}, 0
	for _, i := range p.last {
		path := p.teaching.AddSequence(p.rollout.path(i))
		prompt, tokens, _ := p.rollout.response(i)
		for t := range tokens {
			row := targets[k].Row
			k++
			if _, known := at[row]; !known {
				at[row] = len(rows)
				rows, theirs, weights = append(rows, row), append(theirs, path[len(prompt)-1+t]), append(weights, 0)
			}
			weights[at[row]] += 1 / float32(len(targets))
		}
	}
	p.Teacher.Forward(p.teaching)
	return p.Model.Distil(p.rollout.State, rows, p.Teacher, p.teaching, theirs, weights, f), nil
}

// Step implements Policy.
func (p *ModelPolicy) Step(lr, maxNorm float64) float64 {
	p.fresh = false
	p.Optimizer.ValueLR = lr * p.ValueLRFactor
	return p.Optimizer.Step(p.Model, lr, maxNorm)
}

// Reference is a frozen model that gives RefLogProbs. Its prefix tree is kept from rollout to
// rollout, as a prompt or a response that comes again has the same numbers again. Construct
// with NewReference; not safe for concurrent use.
type Reference struct {
	model       *lm.Model
	state       *lm.State
	once        *lm.State            // for rollouts whose tree is too large to keep; nil until there is one
	limit       int                  // bytes that the tree may take: referenceBytes
	known       map[refToken]float32 // of whole distributions at temperature
	temperature float32
}

// refToken is a token after a row of the tree.
type refToken struct{ row, token int32 }

// NewReference returns the reference of a model that does not change.
func NewReference(m *lm.Model) *Reference {
	return &Reference{model: m, state: m.NewState(false), limit: referenceBytes, known: map[refToken]float32{}}
}

// referenceBytes is the most that the tree may take: a larger one is begun anew, and that of
// a rollout which is larger alone is not kept.
const referenceBytes = 64 << 20

// Score sets RefLogProbs of the samples of a rollout, the replayed ones after the others, at the
// rollout's temperature and on the support of each sampled token. Samples that are dropped, or have
// them already, are left alone.
func (ref *Reference) Score(r Rollout, samples []Sample) error {
	if err := r.check(); err != nil {
		return err
	}
	if n := len(r.Generations) + len(r.Replayed); len(samples) != n {
		return fmt.Errorf("rl: reference must score the rollout's %d samples (got %d)", n, len(samples))
	}
	var kept []int
	for i := range samples {
		if !samples[i].Dropped && samples[i].RefLogProbs == nil {
			kept = append(kept, i)
		}
	}
	if ref.temperature != r.Temperature {
		ref.forget()
		ref.temperature = r.Temperature
	}
	logProbs, err := ref.score(r, kept)
	if err != nil {
		return fmt.Errorf("rl: reference: %w", err)
	}
	for _, i := range kept {
		n := len(samples[i].Tokens)
		samples[i].RefLogProbs, logProbs = logProbs[:n:n], logProbs[n:]
	}
	return nil
}

// forget begins the tree anew.
func (ref *Reference) forget() {
	ref.state.Reset()
	clear(ref.known)
}

// score returns the log-probabilities of the responses' tokens. [sum of T]
func (ref *Reference) score(r Rollout, responses []int) ([]float32, error) {
	targets := r.build(ref.state, nil, responses)
	if ref.state.Bytes() <= ref.limit {
		return ref.logProbs(targets)
	}
	ref.forget()
	if targets = r.build(ref.state, targets[:0], responses); ref.state.Bytes() <= ref.limit {
		return ref.logProbs(targets)
	}
	ref.state.Reset()
	if ref.once == nil {
		ref.once = ref.model.NewScoringState()
	}
	ref.once.Reset()
	targets = r.build(ref.once, targets[:0], responses)
	ref.model.Forward(ref.once)
	var scores lm.Scores
	err := ref.model.Score(ref.once, targets, r.Temperature, &scores)
	return scores.LogProb, err
}

// logProbs returns those of the targets, computing what is not known. [len(targets)]
func (ref *Reference) logProbs(targets []lm.Target) ([]float32, error) {
	var fresh []lm.Target
	out := make([]float32, len(targets))
	at := make([]int, 0, len(targets)) // of the fresh ones
	for t, g := range targets {
		if p, ok := ref.known[refToken{g.Row, g.Token}]; ok && g.Support == nil {
			out[t] = p
			continue
		}
		fresh, at = append(fresh, g), append(at, t)
	}
	if len(fresh) == 0 {
		return out, nil
	}
	ref.model.Forward(ref.state)
	var scores lm.Scores
	if err := ref.model.Score(ref.state, fresh, ref.temperature, &scores); err != nil {
		return nil, err
	}
	for k, g := range fresh {
		out[at[k]] = scores.LogProb[k]
		if g.Support == nil {
			ref.known[refToken{g.Row, g.Token}] = scores.LogProb[k]
		}
	}
	return out, nil
}
