package reward

import (
	"fmt"
	"strings"
)

// Thresholds of the verdict. In the prototype a constant answer that earned 0.47
// of what correct answers earn drew every run into it (docs/rewards.md); where
// caution begins is a judgement.
const (
	goodAUC     = 0.9
	poorAUC     = 0.75
	safeShare   = 0.15
	unsafeShare = 0.3
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
	if n := len(r.Failed); n > 0 {
		say(1, "%d parent answers have no vector", n)
	}
	return [...]string{"good", "caution", "danger"}[worst] + ": " + strings.Join(parts, "; ")
}
