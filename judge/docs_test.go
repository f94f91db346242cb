package judge

import (
	"os"
	"strings"
	"testing"
)

// docs/judge.md tells the default rubric, what is asked for, and the limits.
func TestJudgePage(t *testing.T) {
	text, err := os.ReadFile("../docs/judge.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		defaultCriteria, form{scale: defaultScale}.reminder(), "`Rating: N`", "`Verdict: A`", "at most 64 KiB", "| `scale` | 10 |",
		"| `max_tokens` | 256 |", "| `max_text` | 8000 |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not described", want)
		}
	}
	if d := DefaultSettings(); d.MaxTokens != 256 || d.MaxText != 8000 || maxRubric != 64<<10 {
		t.Error("the defaults are others than the page says")
	}
}
