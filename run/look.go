package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"pgsrm/eval"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// Look is what the untrained child answers to some of the training prompts, sampled
// as training would, and what that means for the run. It is look.json of a run
// directory; docs/look.md describes it.
type Look struct {
	Prompts     int     `json:"prompts"`
	Samples     int     `json:"samples"`           // of each prompt
	Limit       int     `json:"max_new_tokens"`    // of an answer
	Reference   int     `json:"reference_tokens"`  // of the longest reference, end token included
	Templated   bool    `json:"chat_template"`     // whether the prompts went through one,
	HasTemplate bool    `json:"has_chat_template"` // and whether the child's folder has one
	Cut         float64 `json:"cut"`               // share of answers that the limit ended
	Empty       float64 `json:"empty"`             // share of answers without text
	Tokens      float64 `json:"mean_tokens"`       // of an answer
	Entropy     float64 `json:"entropy"`           // of the sampled distribution, nats per token
	Common      string  `json:"common"`            // the most frequent answer
	Share       float64 `json:"common_share"`      // of all answers

	Scores   *LookScores `json:"scores,omitempty"`
	Unscored string      `json:"unscored,omitempty"` // why there are none

	Cost     LookCost     `json:"cost"`
	Examples []Completion `json:"examples"`
	Advice   []Advice     `json:"advice"`
}

// LookScores is how the answers compare with their references.
type LookScores struct {
	Exact float64 `json:"exact_match"`
	// Normalized is the share that is right where quotes, final punctuation and the
	// like do not count; nil where the run does not tell the two apart.
	Normalized *float64 `json:"exact_match_normalized,omitempty"`
	Semantic   float64  `json:"semantic"` // mean cosine
	Reward     float64  `json:"reward"`   // mean
	Right      float64  `json:"reward_of_references"`
	Flat       float64  `json:"flat"` // share of prompts whose samples all earn the same
	// Constant is the best of the references and of the child's own answers as the
	// answer to all prompts.
	Constant reward.BestConstant `json:"best_constant"`
}

// exact is the share of right answers, normalised where the run does that.
func (s *LookScores) exact() float64 {
	if s.Normalized != nil {
		return *s.Normalized
	}
	return s.Exact
}

// How much is looked at, and for how long.
const (
	lookAnswers   = 64
	lookSeconds   = 8.0 // of sampling; of a child that is slower fewer prompts are looked at
	lookAgain     = 2.0 // what takes less is timed a second time, in memory that has been used
	lookGrowth    = 4   // a lot of prompts may be so many times the one before
	lookSeed      = 0   // whatever the seed of the run, so that runs side by side see the same
	lookConstants = 100 // prompts and candidates of the best constant answer
	lookExamples  = 3
)

// lookFile is the name of a Look in a run directory.
const lookFile = "look.json"

// looks says whether the child is looked at before training.
func (c *Config) looks() bool {
	return c.Look == "on" || c.Look == "auto" && !Builtin(c.Child)
}

// lookFirst looks at the child before the run begins, tells what was seen and
// keeps it for begin to write. The run that follows is the same without.
func (r *run) lookFirst(ctx context.Context, s *shared) error {
	if !r.cfg.looks() {
		return nil
	}
	l, err := r.look(ctx)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	r.seen = append(text, '\n')
	var lines []string
	for _, line := range l.Lines() {
		key := line
		if line == l.Cost.line() { // the times of runs beside each other differ without meaning
			key = "cost"
		}
		if s.first("look: " + key) {
			lines = append(lines, line)
		}
	}
	return r.early.emit(looked{Look: l, Lines: lines})
}

// look samples the child and judges its answers.
func (r *run) look(ctx context.Context) (*Look, error) {
	prompts, rollout, t, err := r.lookRollout(ctx)
	if err != nil {
		return nil, err
	}
	l := &Look{
		Prompts: len(prompts), Samples: rollout.G, Limit: r.cfg.Rollout.MaxNewTokens, Templated: r.prompter.Templated(),
		HasTemplate: r.hasTemplate(), Reference: r.longestReference(),
	}
	each := make([]prompt, len(rollout.Generations))
	for i := range each {
		each[i] = prompts[i/rollout.G]
	}
	texts := r.texts(prompts, rollout)
	l.describe(rollout, texts)
	scores := make([]reward.Score, len(texts))
	if r.scorer == nil {
		l.Unscored = "parent, embedder and functions of your own are asked by the run alone"
		for i := range scores {
			scores[i].Err = errors.New(l.Unscored)
		}
	} else if err := r.lookScores(ctx, l, each, texts, rollout.Generations, scores, &t); err != nil {
		return nil, err
	}
	for k := range min(lookExamples, len(prompts)) {
		i := k * rollout.G
		l.Examples = append(l.Examples, r.completion(each[i], texts[i], scores[i], rollout.Generations[i].Finish))
	}
	if err := r.lookUpdate(&t); err != nil {
		return nil, err
	}
	l.Cost = r.lookCost(t)
	l.Advice = advise(l, r.cfg)
	return l, nil
}

// lookRollout samples lookAnswers answers, or as many as there is time for: some
// prompts at a time, each lot as large as the pace of the one before allows. The
// times and the State are those of the last lot, sampled again where that is quick, as
// memory that is used for the first time is slow.
func (r *run) lookRollout(ctx context.Context) (prompts []prompt, out rl.Rollout, t lookTimes, err error) {
	group := min(max(r.cfg.Rollout.SamplesPerPrompt, 2), 16)
	order := stream(lookSeed, forLook).Perm(len(r.prompts))
	order = order[:min(len(order), lookAnswers/group)]
	spent := 0.0
	var gens []lm.Generation
	for lot := 1; len(prompts) < len(order) && lot > 0; {
		lot = min(lot, len(order)-len(prompts))
		some := make([]prompt, lot)
		for i, at := range order[len(prompts):][:lot] {
			some[i] = r.prompts[at]
		}
		if out, t, err = r.lookSample(ctx, some, group); err != nil {
			return nil, out, t, err
		}
		prompts, gens = append(prompts, some...), append(gens, out.Generations...)
		spent += t.sample
		lot = min(lookGrowth*lot, int(min(1e6, (lookSeconds-spent)/max(t.sample/float64(lot), 1e-9))))
	}
	if t.sample < lookAgain {
		if out, t, err = r.lookSample(ctx, prompts[len(prompts)-len(out.Prompts):], group); err != nil {
			return nil, out, t, err
		}
	}
	t.rollout = out
	return prompts, rl.Rollout{Prompts: tokensOf(prompts), G: group, Generations: gens}, t, nil
}

// lookSample samples n answers to each prompt and times it.
func (r *run) lookSample(ctx context.Context, prompts []prompt, n int) (rl.Rollout, lookTimes, error) {
	if ctx.Err() != nil {
		return rl.Rollout{}, lookTimes{}, fmt.Errorf("%w before training", ErrInterrupted)
	}
	begin := r.clock()
	out, err := r.sample(prompts, n, func(p, g int) *rand.Rand { return stream(lookSeed, forLook, prompts[p].index, g) })
	if err != nil {
		err = fmt.Errorf("look before training: %w", err)
	}
	return out, lookTimes{sample: r.clock().Sub(begin).Seconds()}, err
}

// hasTemplate says whether the child's folder has a chat template that can be used.
func (r *run) hasTemplate() bool {
	c := r.cfg.ChatTemplate
	c.Use = "auto"
	p, err := c.Prompter(r.model)
	return err == nil && p.Templated()
}

// longestReference is the tokens of the longest reference of a training prompt.
func (r *run) longestReference() int {
	longest := 0
	for _, p := range r.prompts {
		target, _ := r.match.Target(p.reference)
		longest = max(longest, len(r.prompter.Response(task.Joint(p.item.Prompt), target)))
	}
	return longest
}

// describe fills in what the answers are like, whatever they are worth.
func (l *Look) describe(rollout rl.Rollout, texts []reward.Sample) {
	n := float64(len(texts))
	var tokens, entropy float64
	seen := map[string]int{}
	for i, g := range rollout.Generations {
		if g.Finish == "length" {
			l.Cut += 1 / n
		}
		if strings.TrimSpace(texts[i].Response) == "" {
			l.Empty += 1 / n
		}
		tokens += float64(len(g.Tokens))
		for _, h := range g.Entropy {
			entropy += float64(h)
		}
		seen[strings.TrimSpace(texts[i].Response)]++
	}
	l.Tokens, l.Entropy = tokens/n, entropy/tokens
	l.Common = mostFrequent(seen)[0]
	l.Share = float64(seen[l.Common]) / n
}

// mostFrequent are the texts by falling number, equals by the alphabet.
func mostFrequent(seen map[string]int) []string {
	return slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b))
	})
}

// lookScores compares the answers with their references. scores [len(texts)] are
// filled in.
func (r *run) lookScores(ctx context.Context, l *Look, each []prompt, texts []reward.Sample, finish []lm.Generation, scores []reward.Score, t *lookTimes) error {
	begin := r.clock()
	copy(scores, r.scorer.Score(ctx, texts))
	t.score = r.clock().Sub(begin).Seconds() / float64(len(texts))
	measured, err := eval.Measure(ctx, evalAnswers(each, texts), r.embedder, r.match)
	if ctx.Err() != nil {
		return fmt.Errorf("%w before training", ErrInterrupted)
	}
	if failed, first := failedScores(scores); failed == len(scores) {
		err = errors.Join(err, first)
	}
	if err != nil {
		l.Unscored = strings.ReplaceAll(err.Error(), "\n", "; ")
		return nil
	}
	s := &LookScores{Exact: measured.ExactMatch, Normalized: measured.Normalized, Semantic: measured.Semantic}
	penalties := r.penalties(finish, texts)
	s.Reward, s.Flat = groupRewards(scores, l.Samples, func(i int) float64 { return scores[i].Reward - penalties[i] })
	s.Constant, err = r.lookConstant(ctx, texts, r.lookConstants(t.score))
	if err != nil {
		l.Unscored = err.Error()
		return nil
	}
	s.Right = s.Constant.Correct
	l.Scores = s
	return nil
}

// groupRewards are the mean reward, and the share of the groups of g samples that
// all earn the same, each what earns says.
func groupRewards(scores []reward.Score, g int, earns func(i int) float64) (mean, flat float64) {
	var n, groups float64
	for lo := 0; lo < len(scores); lo += g {
		var rewards []float64
		for i := lo; i < lo+g; i++ {
			if scores[i].Err == nil {
				rewards = append(rewards, earns(i))
				mean, n = mean+scores[i].Reward, n+1
			}
		}
		if len(rewards) == 0 {
			continue
		}
		groups++
		if slices.Max(rewards)-slices.Min(rewards) < 1e-8 {
			flat++
		}
	}
	return mean / n, flat / groups
}

// lookConstants is how many prompts and candidates of the best constant answer there is
// time for where a function of the user's own is asked, which takes so many seconds for an
// answer.
func (r *run) lookConstants(perAnswer float64) int {
	if len(r.scorers) == 0 || perAnswer <= 0 {
		return lookConstants
	}
	return max(2, min(lookConstants, int(math.Sqrt(lookSeconds/perAnswer))))
}

// lookConstant finds the best constant answer among references and answers, so many at most.
func (r *run) lookConstant(ctx context.Context, texts []reward.Sample, most int) (reward.BestConstant, error) {
	var samples []reward.Sample
	var candidates []string
	for _, p := range spread(r.prompts, most) {
		samples = append(samples, reward.Sample{Prompt: p.item.Prompt, Input: p.item.Input, Reference: p.reference, Accepted: p.accepted, Columns: p.item.Columns})
		candidates = append(candidates, r.match.Reference(p.reference))
	}
	own := map[string]int{}
	for _, s := range texts {
		own[r.match.Answer(s.Response)]++
	}
	slices.Sort(candidates)
	said := mostFrequent(own)
	return r.scorer.BestConstant(ctx, samples, append(slices.Compact(candidates), said[:min(len(said), most)]...))
}
