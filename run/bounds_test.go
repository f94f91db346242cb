package run

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgsrm/config"
)

// Every number of a configuration has two bounds, and no number beyond them gets
// past Load.
func TestEveryNumberIsBounded(t *testing.T) {
	inside := map[string]string{ // what some keys may be
		"chat.temperature=-1": "not sent", "chat.seed=-1": "any seed", "chat.seed=9223372036854775807": "any seed",
		"judge.temperature=-1": "not sent", "judge.seed=-1": "any seed", "judge.seed=9223372036854775807": "any seed",
		"seed=9223372036854775807": "any seed",
		"raft.above=-1":            "rewards may be below 0",
	}
	c := Default()
	numbers := 0
	for _, k := range config.Keys(&c) {
		if !k.Value.CanInt() && !k.Value.CanUint() && !k.Value.CanFloat() {
			continue
		}
		numbers++
		i, ok := k.Interval()
		if !ok || math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
			t.Errorf("%s must have a lower and an upper bound", k.Name)
			continue
		}
		values := []string{"9223372036854775807", "1e308", ".nan", ".inf", "-.inf", "-1", "18446744073709551616"}
		if k.Value.CanFloat() {
			values = append(values, fmt.Sprint(math.Nextafter(i.High, math.Inf(1))), fmt.Sprint(math.Nextafter(i.Low, math.Inf(-1))))
		} else if i.High < 1<<53 {
			values = append(values, fmt.Sprintf("%.0f", i.High+1), fmt.Sprintf("%.0f", i.Low-1))
		}
		for _, value := range values {
			if inside[k.Name+"="+value] != "" {
				continue
			}
			set := config.Setting{From: "--set " + k.Name, Key: k.Name, Value: value}
			_, err := Load("", []config.Setting{set})
			if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), set.From+": must be ") || !strings.Contains(err.Error(), "(got ") {
				t.Errorf("%s=%s: got %v", k.Name, value, err)
			}
		}
	}
	if numbers < 80 {
		t.Errorf("a configuration has more than %d numbers", numbers)
	}
}

// So are those of an expression, each by its own rule.
func TestNumbersOfARewardAreBounded(t *testing.T) {
	for _, text := range []string{"1e308*exact", "-1e308*exact", "NaN*exact", "cosine^1e308", "cosine^NaN", "contrastive(tau=1e-320)", "contrastive(tau=1e308)", "domain(m0=-1)", "domain(m0=NaN)"} {
		if _, err := Load("", []config.Setting{{From: "--reward", Key: "reward", Value: text}}); !errors.Is(err, ErrConfig) || !regexp.MustCompile(`^--reward: ([a-z]+\.[a-z0]+: |numbers )?must `).MatchString(err.Error()) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// A product that overflows once made a run of no episodes that was complete, or a
// panic.
func TestSamplesOfAStepAreBounded(t *testing.T) {
	for _, c := range []struct{ prompts, samples, want string }{
		{"4294967296", "4294967296", "--a: must be between 1 and 65536 (got 4294967296)"},
		{"65536", "65536", "--b: times prompts_per_step must be at most 1048576 (got 65536 * 65536)"},
		{"1024", "1025", "--b: times prompts_per_step must be at most 1048576 (got 1024 * 1025)"},
		{"1024", "1024", ""},
	} {
		cfg, err := Load("", []config.Setting{{From: "--a", Key: "rollout.prompts_per_step", Value: c.prompts}, {From: "--b", Key: "rollout.samples_per_prompt", Value: c.samples}})
		if c.want == "" {
			if err != nil || cfg.EpisodesPerStep() != 1<<20 || cfg.Steps() != 1 {
				t.Errorf("%s * %s: %d in %d steps, %v", c.prompts, c.samples, cfg.EpisodesPerStep(), cfg.Steps(), err)
			}
		} else if err == nil || err.Error() != c.want {
			t.Errorf("%s * %s: got %v, want %s", c.prompts, c.samples, err, c.want)
		}
	}
}

// The most episodes: the messages of a run with more counted "of
// -9223372036854775792".
func TestEpisodesThatOverflow(t *testing.T) {
	_, err := Load("", []config.Setting{{From: "--episodes", Key: "episodes", Value: "9223372036854775807"}})
	if err == nil || err.Error() != "--episodes: must be between 1 and 1000000000000 (got 9223372036854775807)" {
		t.Errorf("got %v", err)
	}
	cfg, err := Load("", []config.Setting{{From: "--episodes", Key: "episodes", Value: "1000000000000"}, {Key: "rollout.samples_per_prompt", Value: "3"}, {Key: "rollout.prompts_per_step", Value: "7"}})
	if n := cfg.Steps() * cfg.EpisodesPerStep(); err != nil || n != 1000000000020 {
		t.Errorf("got %d, %v", n, err)
	}
}

// Temperatures that are 0 or infinite logits in float32 once failed at step 1.
func TestTemperaturesThatFloat32CannotHold(t *testing.T) {
	for _, value := range []string{"0", "1e-40", "1e-38", "9e-5", "100.1", "1e38", "1e39", "-1"} {
		_, err := Load("", []config.Setting{{From: "--t", Key: "rollout.temperature", Value: value}})
		if err == nil || !strings.HasPrefix(err.Error(), "--t: must be between 0.0001 and 100 (got ") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}
