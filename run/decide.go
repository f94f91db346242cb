package run

import (
	"fmt"
	"slices"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/task"
)

// What the configuration leaves open is decided once the parent has answered: the
// preset of a task without references, and the longest answer. config.yaml has the
// result, which a resumed run keeps.

// All references but one in so many must fit into the longest answer with a margin
// for what a language model puts around them, such as quotes and a full stop: so
// many tokens, or that part of the length where it is more.
const (
	answerLonger = 20
	answerMargin = 2
	answerPart   = 8
)

// AnswerLimit is the longest answer of a child to a task, in tokens with the end
// token, and why; "" where it is the task's own. A child that is not built in has
// other tokens than those that the limits of tasks are made for: there the lengths of
// the references (by item id) as match would have them written decide, and room
// (lm.Config.Room) bounds it.
func AnswerLimit(child string, t *task.Task, references map[string]string, match *task.Matcher, p *hf.Prompter, room int) (limit int, why string) {
	var lengths []int
	if !Builtin(child) {
		for _, it := range t.Items {
			if text, _ := match.Target(references[it.ID]); references[it.ID] != "" {
				lengths = append(lengths, len(p.Response(task.Joint(it.Prompt), text)))
			}
		}
	}
	if len(lengths) == 0 {
		return t.MaxNewTokens, ""
	}
	slices.Sort(lengths)
	n := lengths[len(lengths)-1-len(lengths)/answerLonger]
	limit = n + max(answerMargin, n/answerPart)
	why = fmt.Sprintf("%.0f%% of the references have at most %d tokens, the end token included, the longest %d", 100*(1-1.0/answerLonger), n, lengths[len(lengths)-1])
	if room > 0 && limit > room {
		return room, fmt.Sprintf("what the longest prompt leaves of the child's context; %s", why)
	}
	return limit, why
}

// decidePreset takes the preset of the kind that the task turned out to have.
func (c *Config) decidePreset(kind task.Kind) error {
	layers := config.Over(c)
	for _, s := range c.Undecided[kind] {
		if err := layers.Set(s); err != nil {
			return err
		}
	}
	c.Preset, c.Undecided = string(kind), nil
	return nil
}

// adopt takes over what the run in a directory decided where c leaves it open.
func (c *Config) adopt(began Config) error {
	if kind := task.Kind(began.Preset); c.Preset == "" && (kind == task.Lexical || kind == task.Sentence) {
		if err := c.decidePreset(kind); err != nil {
			return err
		}
	}
	if c.Rollout.MaxNewTokens == 0 {
		c.Rollout.MaxNewTokens = began.Rollout.MaxNewTokens
	}
	return nil
}

// decide settles the preset by the answers of the parent.
func (r *run) decide(answers map[string]string) error {
	if r.cfg.Preset != "" {
		return nil
	}
	kind := kindOf(r.task, answers)
	if err := r.cfg.decidePreset(kind); err != nil {
		return config.Bad(err)
	}
	r.steps = r.cfg.Steps()
	r.note("preset %s, as the parent's answers are %s", kind, map[task.Kind]string{task.Lexical: "single words", task.Sentence: "not all single words"}[kind])
	return nil
}

// kindOf is the kind that a task has by its answers.
func kindOf(t *task.Task, answers map[string]string) task.Kind {
	var texts []string
	for _, it := range t.Items {
		if a, ok := answers[it.ID]; ok {
			texts = append(texts, a)
		}
	}
	if kind := task.KindOf(texts); kind != task.Unknown {
		return kind
	}
	return task.Sentence
}

// decideLimit settles the longest answer to the prompts. A run that began before its
// limit was written down has that of the task.
func (r *run) decideLimit(answers map[string]string, prompts []prompt) {
	switch {
	case r.cfg.Rollout.MaxNewTokens > 0:
		r.warnOfLong(answers)
		return
	case r.dir != nil && r.dir.begun:
		r.cfg.Rollout.MaxNewTokens = r.task.MaxNewTokens
		return
	}
	limit, why := AnswerLimit(r.cfg.Child, r.task, answers, r.match, r.prompter, r.model.Config.Room(tokensOf(prompts)))
	r.cfg.Rollout.MaxNewTokens = limit
	if why != "" {
		r.note("answers of at most %d tokens: %s", limit, why)
	}
}

// warnOfLong warns of a limit that the user set and references do not keep to: no answer can
// be one of these.
func (r *run) warnOfLong(answers map[string]string) {
	limit, long, longest := r.cfg.Rollout.MaxNewTokens, 0, 0
	for _, it := range r.task.Items {
		if text, ok := r.match.Target(answers[it.ID]); ok && text != "" {
			if n := len(r.prompter.Response(task.Joint(it.Prompt), text)); n > limit {
				long, longest = long+1, max(longest, n)
			}
		}
	}
	if long > 0 {
		r.warnAtStart(fmt.Sprintf("task: %d of %d references have more than %d tokens, the limit of answers (the longest %d): they cannot be said", long, len(r.task.Items), limit, longest))
	}
}

// notePlan tells before the first step what is trained on, how long the run will be and how
// long its answers, and of how many runs of a comparison it is one.
func (r *run) notePlan() {
	if r.dir.begun {
		return
	}
	runs := ""
	if r.shared != nil && r.shared.runs > 1 {
		runs = fmt.Sprintf("%d runs of ", r.shared.runs)
	}
	r.note("%s: %d prompts, %s%d episodes in %d steps, preset %s, answers of at most %d tokens",
		r.task.Name, len(r.prompts), runs, r.steps*r.cfg.EpisodesPerStep(), r.steps, r.cfg.Preset, r.cfg.Rollout.MaxNewTokens)
}

// note keeps a line for the start of the run; of the runs of a comparison one tells it.
func (r *run) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); r.shared.first(text) {
		r.notes = append(r.notes, text)
	}
}
