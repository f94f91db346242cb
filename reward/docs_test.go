package reward

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/rewards.md names every term and function, its parameters with their defaults, and
// examples that can be read; docs/probe.md names the paddings of the probe.
func TestRewardsPage(t *testing.T) {
	text, err := os.ReadFile("../docs/rewards.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, k := range kinds {
		if !strings.Contains(page, "\n| `"+k.name+"`") {
			t.Errorf("the term %s is not described", k.name)
		}
	}
	for _, f := range functions {
		row := regexp.MustCompile("(?m)^\\| .*`" + f.name + "\\(.*$").FindString(page)
		if row == "" {
			t.Errorf("the function %s is not described", f.name)
		}
		for _, p := range f.params {
			if want := fmt.Sprintf("`%s` %g", p.name, p.def); !strings.Contains(row, want) && !strings.Contains(row, fmt.Sprintf("`%s` 0..", p.name)) {
				t.Errorf("%s: must have the parameter %s (got %s)", f.name, want, row)
			}
		}
	}
	probe, err := os.ReadFile("../docs/probe.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paddings {
		if !strings.Contains(string(probe), "`"+p+"`") {
			t.Errorf("the padding %s is not named", p)
		}
	}
	_, examples, _ := strings.Cut(page, "| example | does |")
	examples, _, _ = strings.Cut(examples, "\n\n")
	found := regexp.MustCompile("(?m)^\\| `(.*?)`").FindAllStringSubmatch(examples, -1)
	for _, m := range found {
		spec, err := ParseSpec(m[1])
		if _, hi := spec.Range(); err != nil || hi > 1.1 { // of strata, 1 + beta
			t.Errorf("%s: %v, at most %v", m[1], err, hi)
		}
	}
	if len(found) < 5 {
		t.Errorf("examples: got %d", len(found))
	}
	for _, limit := range []string{"4,000 characters", "500 parts", "40 parentheses", "up to 1e6", "-1e9..1e9"} {
		if !strings.Contains(page, limit) {
			t.Errorf("the limit %q is not told", limit)
		}
	}
	if maxFormula != 4000 || maxNodes != 500 || maxNesting != 40 || maxNumber != 1e6 || maxReward != 1e9 {
		t.Error("the limits are others than the page says")
	}
}
