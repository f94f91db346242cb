package run

import (
	"fmt"
	"math"

	"pgsrm/internal/printable"
	"pgsrm/task"
)

// Advice is what one rule has to say about a Look.
type Advice struct {
	Rule string `json:"rule"` // its name in the table
	Seen string `json:"seen"`
	Do   string `json:"do"`
}

// String is one line.
func (a Advice) String() string { return a.Seen + ": " + a.Do }

// rules is the table of what is advised, the gravest first. A rule that does not
// hold says nothing.
var rules = []struct {
	name string
	say  func(l *Look, c Config) (seen, do string)
}{
	{"empty", adviseEmpty}, {"limit", adviseLimit}, {"cut", adviseCut}, {"template", adviseTemplate},
	{"signal", adviseSignal}, {"start", adviseStart}, {"constant", adviseConstant}, {"common", adviseCommon},
	{"entropy", adviseEntropy}, {"right", adviseRight}, {"rate", adviseRate}, {"time", adviseTime}, {"memory", adviseMemory},
}

// The thresholds of the rules.
const (
	manyEmpty     = 0.5  // share of answers
	manyCut       = 0.8  // likewise
	manyFlat      = 0.8  // share of prompts
	fewRight      = 0.02 // share of answers
	mostRight     = 0.9  // likewise
	lowReward     = 0.1  // of what the references earn
	highConstant  = 0.3  // likewise; see the verdict of reward.Probe
	manyCommon    = 0.5  // share of answers
	lowEntropy    = 0.05 // nats per token
	largeModel    = 20e6 // trained weights from which on highRate counts
	highRate      = 1e-4 // of all weights
	highLoRARate  = 1e-3 // of adapters
	longRun       = 4.0  // hours
	highMemory    = 0.8  // of the machine's
	shorterRun    = 1.0  // hours of the run that is advised
	saneLoRARank  = 16
	fewestSamples = 1280 // episodes in which something can be learned
)

// advise are the rules that hold.
func advise(l *Look, c Config) []Advice {
	advice := []Advice{}
	for _, r := range rules {
		if seen, do := r.say(l, c); seen != "" {
			advice = append(advice, Advice{r.name, seen, do})
		}
	}
	return advice
}

func adviseEmpty(l *Look, _ Config) (seen, do string) {
	if l.Empty < manyEmpty {
		return "", ""
	}
	use := "on"
	if l.Templated {
		use = "off"
	}
	return fmt.Sprintf("%s of the answers are empty", percent(l.Empty)),
		fmt.Sprintf("the child does not see that it is to answer; try --chat-template %s, or prompts of the form that it was trained on", use)
}

func adviseLimit(l *Look, _ Config) (seen, do string) {
	if l.Reference <= l.Limit {
		return "", ""
	}
	return fmt.Sprintf("the longest reference takes %d tokens, an answer gets at most %d", l.Reference, l.Limit),
		fmt.Sprintf("--max-new-tokens %d, else the right answer cannot be given", l.Reference+1)
}

func adviseCut(l *Look, c Config) (seen, do string) {
	if l.Cut < manyCut || l.Reference > l.Limit {
		return "", ""
	}
	seen = fmt.Sprintf("%s of the answers are cut at %d tokens, though the longest reference takes %d", percent(l.Cut), l.Limit, l.Reference)
	do = "rollout.missing_eos_penalty will teach the child to end; to help, "
	if c.Rollout.MissingEOSPenalty == 0 {
		do = "teach the child to end, --set rollout.missing_eos_penalty=0.1, or "
	}
	if !l.Templated && len(c.Rollout.Stop) == 0 {
		do += "end an answer at the end of its line, --stop $'\\n', or "
	}
	if l.Templated && c.ChatTemplate.System == "" {
		do += fmt.Sprintf("ask for short answers, as in --chat-system 'Answer with one %s.', or ", l.form())
	}
	return seen, do + "make " + sftFirst(c)
}

// form is what an answer is made of, as far as the examples tell.
func (l *Look) form() string {
	var references []string
	for _, e := range l.Examples {
		references = append(references, e.Reference)
	}
	if task.KindOf(references) == task.Sentence {
		return "short sentence"
	}
	return "word"
}

// sftFirst is how a warm start is made.
func sftFirst(c Config) string {
	return fmt.Sprintf("a warm start: pgsrm sft --child %s --task %s --out warm, then --child warm", printable.Text(c.Child), printable.Text(c.Task))
}

func adviseTemplate(l *Look, _ Config) (seen, do string) {
	if !l.HasTemplate || l.Templated || l.Scores != nil && l.Scores.exact() >= fewRight {
		return "", ""
	}
	return "the child's folder has a chat template, and it is off", "--chat-template on, as the child was trained with it"
}

func adviseSignal(l *Look, c Config) (seen, do string) {
	s := l.Scores
	if s == nil || s.Flat < manyFlat || s.exact() >= mostRight {
		return "", ""
	}
	seen = fmt.Sprintf("at %s of the prompts all %d answers earn the same, so that there is nothing to learn from", percent(s.Flat), l.Samples)
	if !c.Reward.NeedsVectors() {
		return seen, "take a reward that sees how near an answer is, --reward pgsrm, or make " + sftFirst(c)
	}
	return seen, "make the answers differ, --set rollout.temperature=1 or above and more samples_per_prompt, or make " + sftFirst(c)
}

func adviseStart(l *Look, c Config) (seen, do string) {
	s := l.Scores
	if s == nil || s.Flat >= manyFlat || s.exact() >= fewRight || s.Reward >= lowReward*s.Right || Builtin(c.Child) {
		return "", ""
	}
	seen = fmt.Sprintf("%s of the answers are right, and they earn %s of what references earn", percent(s.exact()), percent(share(s.Reward, s.Right)))
	do = "training can start from there as long as rewards differ; where the reward does not rise within 20 steps, make " + sftFirst(c)
	if c.Replay.PerPrompt > 0 && c.Replay.Search == 0 && s.exact() == 0 {
		do += ", or have a first right answer looked for, --set replay.search=16"
	}
	return seen, do
}

func adviseConstant(l *Look, _ Config) (seen, do string) {
	s := l.Scores
	if s == nil || s.Constant.ShareOfCorrect < highConstant {
		return "", ""
	}
	return fmt.Sprintf("saying %s to every prompt earns %s of what references earn, and training may end there", quote(s.Constant.Answer), percent(s.Constant.ShareOfCorrect)),
		"take --reward pgsrm, which deducts what any answer earns, or add a term: --reward 'exact + 0.3*centered'; pgsrm probe judges it"
}

func adviseCommon(l *Look, _ Config) (seen, do string) {
	if l.Share < manyCommon || l.Empty >= manyEmpty || l.Prompts < 2 {
		return "", ""
	}
	return fmt.Sprintf("%s of the answers are %s, whatever the prompt", percent(l.Share), quote(l.Common)),
		"see whether the prompts reach the child as it expects them (chat_template), and sample with --set rollout.temperature=1 or above"
}

func adviseEntropy(l *Look, _ Config) (seen, do string) {
	if l.Entropy >= lowEntropy || l.Scores != nil && l.Scores.exact() >= mostRight {
		return "", ""
	}
	return fmt.Sprintf("the child is sure of every token (%.3f nats), so that training sees the same answer again and again", l.Entropy),
		"sample with a higher temperature or a wider choice: rollout.temperature, top_k, top_p, min_p"
}

func adviseRight(l *Look, _ Config) (seen, do string) {
	if l.Scores == nil || l.Scores.exact() < mostRight {
		return "", ""
	}
	return fmt.Sprintf("%s of the answers are right before training", percent(l.Scores.exact())), "little is left to learn: take a harder task"
}

func adviseRate(l *Look, c Config) (seen, do string) {
	limit, of := highRate, fmt.Sprintf("all %.0f million weights", float64(l.Cost.Trained)/1e6)
	if c.LoRA.On() {
		limit, of = highLoRARate, "adapters"
	}
	if c.Schedule.LR <= limit || !c.LoRA.On() && l.Cost.Trained < largeModel {
		return "", ""
	}
	return fmt.Sprintf("the learning rate %.2g is high for %s, and may ruin the child within a few steps", c.Schedule.LR, of),
		fmt.Sprintf("--lr %g, as preset pretrained has it", OfPreset("pretrained", c.LoRA.On()).Schedule.LR)
}

func adviseTime(l *Look, c Config) (seen, do string) {
	if l.Cost.Hours < longRun {
		return "", ""
	}
	per := float64(c.EpisodesPerStep())
	n := math.Ceil(max(fewestSamples, float64(c.Episodes)*shorterRun/l.Cost.Hours)/per) * per
	return fmt.Sprintf("the run will take about %s", hoursText(l.Cost.Hours)),
		fmt.Sprintf("--episodes %.0f takes about %s; shorter answers and fewer eval_prompts help too", n, hoursText(l.Cost.Hours*n/float64(c.Episodes)))
}

func adviseMemory(l *Look, c Config) (seen, do string) {
	if l.Cost.MachineGB == 0 || l.Cost.MemoryGB < highMemory*l.Cost.MachineGB {
		return "", ""
	}
	seen = fmt.Sprintf("the run needs about %.1f GB, the machine has %.1f", l.Cost.MemoryGB, l.Cost.MachineGB)
	if !c.LoRA.On() {
		return seen, fmt.Sprintf("--lora-rank %d trains adapters alone; --recompute and fewer prompts_per_step need less for activations", saneLoRARank)
	}
	return seen, "--recompute, or fewer prompts_per_step"
}

// share is a of b, 0 where b is none.
func share(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
