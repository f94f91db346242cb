package reward

import (
	"fmt"
	"strings"
)

// Thresholds of the verdict. In the prototype a constant answer that earned 0.47
// of what correct answers earn drew every run into it (docs/rewards.md); where
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

	mostReward = 1 + 1e-9 // what rounding adds to 1 does not count
)

// verdict says in one sentence for each finding whether training can work.
func (r ProbeResult) verdict() string {
	var parts []string
	worst := 0 // 0 good, 1 caution, 2 danger
	say := func(level int, format string, args ...any) {
		worst = max(worst, level)
		parts = append(parts, fmt.Sprintf(format, args...))
	}
	switch {
	case r.AUC >= goodAUC:
		say(0, "related answers stand out from unrelated ones (AUC %.2f)", r.AUC)
	case r.AUC >= poorAUC:
		say(1, "related answers stand out only partly from unrelated ones (AUC %.2f)", r.AUC)
	default:
		say(2, "the embedder hardly tells related from unrelated answers (AUC %.2f)", r.AUC)
	}
	switch {
	case r.AUCWrong >= goodAUC:
		say(0, "right answers stand out from wrong ones of the task (AUC %.2f)", r.AUCWrong)
	case r.AUCWrong >= poorAUC:
		say(1, "right answers stand out only partly from wrong ones of the task (AUC %.2f)", r.AUCWrong)
	default:
		say(1, "the embedder hardly tells right from wrong answers of the task (AUC %.2f), so exact matches must carry the fine signal", r.AUCWrong)
	}
	r.dangers(func(level int, format string, args ...any) {
		if r.alone {
			level = min(level, 1)
		}
		say(level, format, args...)
	})
	if r.alone {
		say(1, noteAlone+", so these shares say little")
	}
	if r.Range[1] > mostReward {
		say(1, "the reward may reach %.4g: rewards are compared under one KL coefficient; scale it to at most 1", r.Range[1])
	}
	if n := len(r.Failed); n > 0 {
		say(1, "%d parent answers have no vector", n)
	}
	return [...]string{"good", "caution", "danger"}[worst] + ": " + strings.Join(parts, "; ")
}

// dangers says what answers earn that are found easily and are not right.
func (r ProbeResult) dangers(say func(level int, format string, args ...any)) {
	share := r.BestConstant.ShareOfCorrect
	earns := fmt.Sprintf("saying %q to every prompt earns %.0f%% of what correct answers earn", r.BestConstant.Answer, 100*share)
	switch {
	case share < safeShare:
		say(0, "%s", earns)
	case share < unsafeShare:
		say(1, "%s, which may draw the child to it", earns)
	default:
		say(2, "%s: expect a collapse to one answer", earns)
	}
	if u := r.Unchanged; u != nil {
		earns := fmt.Sprintf("saying the input unchanged earns %.0f%%", 100*u.ShareOfCorrect)
		switch advice := "answer.normalize=on pays nothing for it, the terms moved and nearer less"; {
		case u.ShareOfCorrect < safeUnchanged:
			say(0, "%s", earns)
		case u.ShareOfCorrect < unsafeUnchanged:
			say(1, "%s, which may draw a child to it that repeats its prompt: %s", earns, advice)
		default:
			say(2, "%s: expect a child that repeats its prompt to stay there; %s", earns, advice)
		}
	}
	if p := r.BestPadded; p != nil {
		earns := fmt.Sprintf("padding the right answer X, as in %s, earns %.0f%%", p.Template, 100*p.ShareOfCorrect)
		if p.ShareOfCorrect < safePadded {
			say(0, "%s", earns)
		} else {
			say(1, "%s: this reward hardly pays for stopping; rollout.missing_eos_penalty, which is no part of it, takes off for cut answers", earns)
		}
	}
}
