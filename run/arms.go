package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/reward"
)

// NamedArm is an arm of comparisons with a short name: a reward, and the settings under
// which it is what its paper calls it. Its name may stand where a reward is named by a
// flag or by --set; docs/algorithms/arms.md has the formulas and the sources.
type NamedArm struct {
	Name     string
	Reward   string   // as reward.ParseSpec reads it
	Settings []string // KEY=VALUE each
	About    string   // a few words
}

// namedArms are all of them, in the order of docs/algorithms/arms.md.
var namedArms = []NamedArm{
	{"maxrl", "binary", []string{"ppo.baseline=group", "ppo.scale_rewards=mean", "replay.per_prompt=0"}, "binary with the advantage of MaxRL"},
	{"pgsrm-maxrl", "pgsrm", []string{"ppo.baseline=group", "ppo.scale_rewards=mean"}, "pgsrm with the advantage of MaxRL"},
	{"binary-grpo", "binary", []string{"algorithm=grpo", "grpo.scale_rewards=group", "grpo.beta=0.04", "replay.per_prompt=0"}, "binary, normalised within the group, with the KL of its paper"},
	{"hero", "strata(centered)", []string{"algorithm=grpo", "grpo.scale_rewards=group", "replay.per_prompt=0"}, "meaning ranked within the wrong answers and within the right ones"},
	{"best-of-n", "pgsrm", []string{"algorithm=none", "eval_best_of=16", "eval_every=0"}, "the start child: the reward picks one of 16 answers"},
	{"sft", "pgsrm", []string{"algorithm=sft"}, "supervised on the parent's answers; the reward only measures"},
	{"likelihood", "pgsrm", []string{"algorithm=sft", "sft.objective=likelihood"}, "the likelihood of the reference as objective; the reward only measures"},
	{"raft", "pgsrm-1", []string{"algorithm=raft"}, "likelihood on the answers that earn most"},
	{"raft-binary", "binary", []string{"algorithm=raft"}, "likelihood on the right answers"},
	{"preference", "preferred", []string{"algorithm=grpo", "grpo.scale_rewards=group", "grpo.beta=0.01", "replay.per_prompt=0"}, "a Bradley-Terry head that learned the parent's taste before"},
	{"gad", "preferred", []string{"algorithm=grpo", "grpo.scale_rewards=group", "grpo.beta=0.01", "replay.per_prompt=0", "preference.update=online"}, "the same head, which learns along"},
	{"gkd", "pgsrm", []string{"algorithm=gkd"}, "distillation from the distributions of a local parent; the reward only measures"},
	{"random", "pgsrm", []string{"embedder=random"}, "pgsrm on vectors without meaning"},
	{"random-fade", fadingPGSRM, []string{"embedder=random"}, "the same, paying less for what was said before"},
}

// fadingPGSRM is the reward pgsrm, whose pay for meaning fades with repetition.
const fadingPGSRM = "where(exact > 0, 0.75 + 0.25*strict, fade(0.4*where(overlap > 0.5, moved^2, centered^2)) + 0.1*novel)"

// NamedArms lists the arms that have a name of their own.
func NamedArms() []NamedArm { return slices.Clone(namedArms) }

// FindArm is the arm of a name; ok is false where there is none.
func FindArm(name string) (a NamedArm, ok bool) {
	i := slices.IndexFunc(namedArms, func(a NamedArm) bool { return a.Name == strings.TrimSpace(name) })
	if i < 0 {
		return NamedArm{}, false
	}
	return namedArms[i], true
}

// NearArm puts the name of the arm or reward that a misspelled one may stand for into the
// error that it is none; err is returned in any case.
func NearArm(err error, written string) error {
	names := reward.Names()
	for _, a := range namedArms {
		names = append(names, a.Name)
	}
	var e *config.Error
	if near := config.Nearest(strings.TrimSpace(written), names); near != "" && errors.As(err, &e) {
		e.Value, e.Hint = fmt.Sprintf("%q", written), near
	}
	return err
}

// Given are the settings of the arm beside its reward, as given by what from says, such
// as "--reward maxrl": an error names the key after it.
func (a NamedArm) Given(from string) []config.Setting {
	var out []config.Setting
	for _, text := range a.Settings {
		s, err := config.ParseSetting(text)
		if err != nil {
			panic(fmt.Sprintf("run: arm %s: %v", a.Name, err)) // the table is part of the program
		}
		s.From = from + ": " + s.Key
		out = append(out, s)
	}
	return out
}

// expandArm puts the reward and the settings of a named arm in the place of its name, where
// that is the last reward that was set. What is set after it stands above the arm's settings.
func expandArm(settings []config.Setting) []config.Setting {
	at := -1
	for i, s := range settings {
		if s.Key == "reward" {
			at = i
		}
	}
	if at < 0 {
		return settings
	}
	named := settings[at]
	a, ok := FindArm(named.Value)
	if !ok {
		return settings
	}
	expanded := append([]config.Setting{{From: named.From, Key: "reward", Value: a.Reward}, {From: named.From, Key: "arm", Value: a.Name}}, a.Given(named.From+" "+a.Name)...)
	return slices.Concat(settings[:at], expanded, settings[at+1:])
}
