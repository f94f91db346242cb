package run

import (
	"errors"
	"os"
	"strings"
	"testing"

	"pgsrm/config"
	"pgsrm/reward"
)

// Each named arm is a configuration that can be run, called by its name, described in
// the page of arms, and no reward is called the same.
func TestNamedArms(t *testing.T) {
	page, err := os.ReadFile("../docs/algorithms/arms.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range NamedArms() {
		if _, err := reward.ParseSpec(a.Name); err == nil {
			t.Errorf("%s: is a reward too", a.Name)
		}
		if a.About == "" || !strings.Contains(string(page), "\n| `"+a.Name+"` |") {
			t.Errorf("%s: must be in docs/algorithms/arms.md", a.Name)
		}
		r, err := Resolve(config.File{}, []config.Setting{{From: "--reward", Key: "reward", Value: a.Name}})
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		if r.ArmName() != a.Name || r.Origin("arm").Name != "--reward" {
			t.Errorf("%s: called %q, by %v", a.Name, r.ArmName(), r.Origin("arm"))
		}
		for _, s := range a.Given("") {
			if !strings.Contains(string(page), "`"+s.Key+"="+s.Value+"`") {
				t.Errorf("%s: docs/algorithms/arms.md must name %s=%s", a.Name, s.Key, s.Value)
			}
			if err := CheckArmKey(s.Key); err != nil {
				t.Errorf("%s: %v", a.Name, err)
			}
		}
	}
}

// What is set beside a named arm, before it or after it, stands above its settings if it
// comes later; another reward set later is another arm.
func TestExpandArm(t *testing.T) {
	text := func(settings []config.Setting) string {
		var out []string
		for _, s := range expandArm(settings) {
			out = append(out, s.From+": "+s.Key+"="+s.Value)
		}
		return strings.Join(out, "\n")
	}
	arm := config.Setting{From: "--reward", Key: "reward", Value: "maxrl"}
	lr := config.Setting{From: "--lr", Key: "schedule.lr", Value: "1"}
	other := config.Setting{From: "--set reward", Key: "reward", Value: "chrf"}
	want := "--lr: schedule.lr=1\n--reward: reward=binary\n--reward: arm=maxrl\n--reward maxrl: ppo.baseline: ppo.baseline=group\n--reward maxrl: ppo.scale_rewards: ppo.scale_rewards=mean\n--reward maxrl: replay.per_prompt: replay.per_prompt=0\n--lr: schedule.lr=1"
	if got := text([]config.Setting{lr, arm, lr}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := text([]config.Setting{arm, other}); got != "--reward: reward=maxrl\n--set reward: reward=chrf" {
		t.Errorf("got\n%s", got)
	}
	if got := text([]config.Setting{lr}); got != "--lr: schedule.lr=1" {
		t.Errorf("got\n%s", got)
	}
	if _, err := Resolve(config.File{}, []config.Setting{arm, other}); !errors.Is(err, ErrConfig) {
		t.Errorf("got %v, want the first reward refused", err)
	}
}
