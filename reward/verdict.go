package reward

import (
	"fmt"
	"slices"
	"strings"
)

// Thresholds of the verdict. In the prototype a constant answer that earned 0.47
// of what correct answers earn drew every run into it (docs/probe.md); where
// caution begins is a judgement, as are the thresholds of the unchanged input and of
// the padded answer. A child that was not built in says its input again from the first
// step on, so a share of it draws as a constant answer does; but answer.normalize takes it
// off. A padded answer is on the way to the right one, so it only hinders where it earns
// nearly the same, and its cut end costs what rollout.missing_eos_penalty says.
const (
	goodAUC     = 0.9
	poorAUC     = 0.75
	safeShare   = 0.15
	unsafeShare = 0.3

	safeUnchanged   = 0.3
	unsafeUnchanged = 0.6
	safePadded      = 0.9

	safeNearest   = 0.5 // what the best wrong answer of the task may earn where the embedder tells little
	safeWrong     = 0.8 // and where it tells much
	safeNegated   = 0.6 // a negated answer is wrong, and near in letters and meaning
	safeTruncated = 0.9 // half an answer is on the way to it, as a padded one is
	safeEchoed    = 0.5
	tellingLength = 0.65 // AUC of length alone: what BLEUBERI (arXiv 2505.11080) found of real answers
	skewedHubs    = 3
	mostlyNumbers = 0.5
	safeNumber    = 0.05

	mostReward = 1 + 1e-9 // what rounding adds to 1 does not count
)

// Finding is what a number of the probe says about training.
type Finding struct {
	Level  string `json:"level"`            // good, caution or danger
	Text   string `json:"text"`             //
	Advice string `json:"advice,omitempty"` // what to change
}

var levels = [...]string{"good", "caution", "danger"}

// findings says for each number that decides something whether training can work.
func (r ProbeResult) findings() []Finding {
	var out []Finding
	say := func(level int, advice, format string, args ...any) {
		if level == 0 {
			advice = ""
		}
		out = append(out, Finding{levels[level], fmt.Sprintf(format, args...), advice})
	}
	r.embedding(say)
	shares := say
	if r.alone {
		shares = func(level int, advice, format string, args ...any) { say(min(level, 1), advice, format, args...) }
	}
	r.dangers(shares)
	r.likeAnswers(shares)
	r.wrongNumbers(say)
	if r.alone {
		say(1, "probe the parts of the reward that stand in the comparison", noteAlone+", so these shares say little")
	}
	if r.Range[1] > mostReward {
		say(1, fmt.Sprintf("scale the reward by %.2g", 1/r.Range[1]), "the reward may reach %.4g: rewards are compared under one KL coefficient; scale it to at most 1", r.Range[1])
	}
	if n := len(r.Failed); n > 0 {
		say(1, "look at the texts that the embedder refused (failed)", "%d parent answers have no vector", n)
	}
	return out
}

// verdict is the worst level and all findings in one line.
func (r ProbeResult) verdict() string {
	var texts []string
	worst := 0
	for _, f := range r.findings() {
		worst = max(worst, slices.Index(levels[:], f.Level))
		texts = append(texts, f.Text)
	}
	return levels[worst] + ": " + strings.Join(texts, "; ")
}

// kind is what answers of a kind earned; without prompts where they were not tried.
func (r ProbeResult) kind(name string) Tried {
	for _, t := range r.Answers {
		if t.Kind == name {
			return t
		}
	}
	return Tried{}
}

const otherEmbedder = "try another embedder (--embedder hf:sentence-transformers/all-MiniLM-L6-v2), or a reward that looks at texts (exact, chrf)"

// embedding says what the embedder can tell apart, where the reward asks it.
func (r ProbeResult) embedding(say func(level int, advice, format string, args ...any)) {
	if r.textsAlone {
		say(0, "", "the reward looks at texts alone: what the embedder can tell apart (AUC %.2f) does not matter to it", r.AUC)
		return
	}
	another, exact := otherEmbedder, exactToo
	if r.ofNumbers() { // wrongNumbers says what to change
		another, exact = "", ""
	}
	switch {
	case r.AUC >= goodAUC:
		say(0, "", "related answers stand out from unrelated ones (AUC %.2f)", r.AUC)
	case r.AUC >= poorAUC:
		say(1, another, "related answers stand out only partly from unrelated ones (AUC %.2f)", r.AUC)
	default:
		say(2, another, "the embedder hardly tells related from unrelated answers (AUC %.2f)", r.AUC)
	}
	nearest := r.kind(kindNearest)
	switch {
	case r.AUCWrong >= goodAUC:
		say(0, "", "right answers stand out from wrong ones of the task (AUC %.2f)", r.AUCWrong)
	case nearest.Prompts > 0 && nearest.ShareOfCorrect < safeNearest && !r.ofNumbers():
		say(0, "", "the embedder does not always tell right from wrong answers of the task (AUC %.2f), but exact matches carry the fine signal: the best wrong one earns %.0f%%", r.AUCWrong, 100*nearest.ShareOfCorrect)
	case r.AUCWrong >= poorAUC:
		say(1, exact, "right answers stand out only partly from wrong ones of the task (AUC %.2f)", r.AUCWrong)
	default:
		say(1, exact, "the embedder hardly tells right from wrong answers of the task (AUC %.2f), so exact matches must carry the fine signal", r.AUCWrong)
	}
	if r.LengthAUC >= r.AUCWrong && r.LengthAUC >= tellingLength {
		say(1, otherEmbedder, "length alone ranks right over wrong answers as well (AUC %.2f)", r.LengthAUC)
	}
	if h := r.Hubness; h != nil && h.Skew >= skewedHubs {
		say(1, "take a term that takes off what is near to everything: csls, centered or the reward pgsrm", "%q is a hub, among the %d nearest of %d of %d answers (skew %.1f)", h.Hub, h.Nearest, h.Occurrences, h.Answers, h.Skew)
	}
}

const exactToo = "let exact matches earn at least half, as in 0.5*exact + 0.5*centered^2 or the reward pgsrm"

// dangers says what answers earn that are found easily and are not right.
func (r ProbeResult) dangers(say func(level int, advice, format string, args ...any)) {
	share := r.BestConstant.ShareOfCorrect
	earns := fmt.Sprintf("saying %q to every prompt earns %.0f%% of what correct answers earn", r.BestConstant.Answer, 100*share)
	switch {
	case share < safeShare:
		say(0, "", "%s", earns)
	case share < unsafeShare:
		say(1, noConstant, "%s, which may draw the child to it", earns)
	default:
		say(2, noConstant, "%s: expect a collapse to one answer", earns)
	}
	if u := r.Unchanged; u != nil {
		earns := fmt.Sprintf("saying the input unchanged earns %.0f%%", 100*u.ShareOfCorrect)
		switch advice := "answer.normalize=on pays nothing for it, the terms moved and nearer less"; {
		case u.ShareOfCorrect < safeUnchanged:
			say(0, "", "%s", earns)
		case u.ShareOfCorrect < unsafeUnchanged:
			say(1, noInput, "%s, which may draw a child to it that repeats its prompt: %s", earns, advice)
		default:
			say(2, noInput, "%s: expect a child that repeats its prompt to stay there; %s", earns, advice)
		}
	}
	if p := r.BestPadded; p != nil {
		earns := fmt.Sprintf("padding the right answer X, as in %s, earns %.0f%%", p.Template, 100*p.ShareOfCorrect)
		if p.ShareOfCorrect < safePadded {
			say(0, "", "%s", earns)
		} else {
			say(1, "--set rollout.missing_eos_penalty=0.3, or multiply by brevity", "%s: this reward hardly pays for stopping; rollout.missing_eos_penalty, which is no part of it, takes off for cut answers", earns)
		}
	}
}

const (
	noConstant = "take a reward that pays little for any answer: centered or contrastive in the place of cosine, or --reward pgsrm"
	noInput    = "--set answer.normalize=on, or moved or nearer in the place of the semantic term"
)

// likeAnswers says of answers that are like the right one in letters or meaning, and wrong,
// where they earn much.
func (r ProbeResult) likeAnswers(say func(level int, advice, format string, args ...any)) {
	for _, c := range []struct {
		kind, what, advice string
		most               float64
	}{
		{kindNegated, "a negated answer", "let exact matches earn at least half: likeness hardly sees a not", safeNegated},
		{kindTruncated, "the first half of an answer", "multiply by length, or let exact matches earn more", safeTruncated},
		{kindEchoed, "the prompt with the right answer behind it", "--set answer.normalize=on, or multiply by brevity", safeEchoed},
	} {
		if t := r.kind(c.kind); t.Prompts > 0 && t.ShareOfCorrect >= c.most {
			say(1, c.advice, "%s, as in %q, earns %.0f%%", c.what, clipped(t.Example), 100*t.ShareOfCorrect)
		}
	}
	nearest := r.kind(kindNearest)
	if nearest.Prompts > 0 && nearest.ShareOfCorrect >= safeWrong {
		say(1, exactToo, "the best wrong answer of the task earns %.0f%% of a right one", 100*nearest.ShareOfCorrect)
	}
	if w := r.BestWrong; w != nil && len(w.Examples) > 0 && w.ShareOfCorrect >= safeWrong {
		say(1, exactToo, "a search over the child's tokens finds wrong answers that earn %.0f%%, such as %q for %q", 100*w.ShareOfCorrect, clipped(w.Examples[0].Answer), clipped(w.Examples[0].Reference))
	}
}

// ofNumbers tells that most answers are numbers.
func (r ProbeResult) ofNumbers() bool { return r.Numbers != nil && r.Numbers.Share >= mostlyNumbers }

// wrongNumbers says whether the answers are numbers, and the reward pays for wrong ones.
func (r ProbeResult) wrongNumbers(say func(level int, advice, format string, args ...any)) {
	n := r.Numbers
	if !r.ofNumbers() {
		return
	}
	const numbers = "--reward numeric compares the numbers themselves (binary: the texts); where the base rate is too low for that, warm up with pgsrm sft"
	switch {
	case n.ShareOfCorrect >= safeNumber && r.textsAlone:
		say(2, numbers, "likeness must fail here: %.0f%% of the answers are numbers, and a wrong number near the right one earns %.0f%% of it, as %s for %s", 100*n.Share, 100*n.ShareOfCorrect, n.Example[1], n.Example[0])
	case !r.textsAlone:
		say(2, numbers, "likeness must fail here: %.0f%% of the answers are numbers, and to the embedder a wrong number near the right one is like it (cosine %.2f, any two answers %.2f): it earns %.0f%%, as %s for %s",
			100*n.Share, n.Cosine, n.Between, 100*n.ShareOfCorrect, n.Example[1], n.Example[0])
	default:
		say(0, "", "%.0f%% of the answers are numbers, and wrong ones earn %.0f%%", 100*n.Share, 100*n.ShareOfCorrect)
	}
}

// clipped is a text short enough for a sentence.
func clipped(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return text
}
