package run

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/config"
)

// A child that is not built in is normalised, but for the preset paper and where the
// configuration says otherwise.
func TestNormalizeFollowsTheChild(t *testing.T) {
	for settings, want := range map[string]string{
		"":                                           "off",
		"answer.normalize=on":                        "on",
		"child=models/mine":                          "on",
		"child=hf:org/name":                          "on",
		"child=models/mine preset=paper":             "off",
		"preset=paper":                               "off",
		"child=models/mine preset=lexical":           "on",
		"child=m answer.normalize=off":               "off",
		"child=m answer.strip_quotes=false":          "on",
		"child=m preset=paper answer.normalize=auto": "on",
	} {
		var set []config.Setting
		for _, s := range strings.Fields(settings) {
			one, err := config.ParseSetting(s)
			if err != nil {
				t.Fatal(err)
			}
			set = append(set, one)
		}
		r, err := Resolve(config.File{}, set)
		if err != nil {
			t.Fatal(err)
		}
		if r.Answer.Normalize != want {
			t.Errorf("%s: normalize is %s, want %s", settings, r.Answer.Normalize, want)
		}
		if m := r.Matcher(); (m != nil) != (want == "on" || strings.Contains(settings, "child=")) || m.Normalizes() != (want == "on") {
			t.Errorf("%s: matcher %+v", settings, m)
		}
	}
}

// A run measures exact match both ways, for evaluations and for each answer, where
// the section answer says something; else its files are as they were.
func TestRunReportsBothExactMatches(t *testing.T) {
	for setting, want := range map[string]bool{"answer.normalize=off": false, "answer.normalize=on": true, "answer.first_line=true": true} {
		dir := t.TempDir()
		if _, err := Start(context.Background(), testConfig(t, dir, "episodes=32", setting), testDeps(t)); err != nil {
			t.Fatal(err)
		}
		evaluations := 0
		_, err := ReadMetrics(dir, func(m Metrics) error {
			if _, ok := m.Values["eval/train/exact_match"]; ok {
				evaluations++
				if _, ok := m.Values["eval/train/exact_match_normalized"]; ok != want {
					t.Errorf("%s: step %d has a normalised exact match: %t", setting, m.Step, ok)
				}
			}
			return nil
		})
		if err != nil || evaluations == 0 {
			t.Fatal(evaluations, err)
		}
		_, err = ReadCompletions(dir, func(c Completion) error {
			if (c.ExactMatch != nil) != want || (c.Normalized != nil) != want {
				t.Errorf("%s: %+v", setting, c)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What counts as an answer decides the reward: a run cannot be resumed with another.
func TestAnswerIsPartOfTheRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, dir, "episodes=32"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	_, err := Resume(context.Background(), testConfig(t, dir, "episodes=32", "answer.last_number=true"), testDeps(t))
	if err == nil || !strings.HasPrefix(err.Error(), "answer.last_number: must be as in ") {
		t.Errorf("got %v", err)
	}
}

// A run that began before there was a section answer resumes as it began.
func TestRunOlderThanAnswer(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{"task: colors\nchild: models/mine\n": "off", "task: colors\nchild: models/mine\nanswer: {normalize: \"on\"}\n": "on"} {
		if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		cfg, ok, err := ReadConfig(dir)
		if err != nil || !ok || cfg.Answer.Normalize != want {
			t.Errorf("%q: normalize is %q, want %s (%v)", text, cfg.Answer.Normalize, want, err)
		}
	}
}
