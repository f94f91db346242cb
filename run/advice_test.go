package run

import (
	"slices"
	"strings"
	"testing"
)

// plainLook is a child that nothing is to be said about, of a run of plainRun.
func plainLook() *Look {
	return &Look{
		Prompts: 16, Samples: 4, Limit: 8, Reference: 4, Templated: true, HasTemplate: true, Cut: 0.2, Entropy: 1, Common: "warm", Share: 0.1,
		Scores: &LookScores{Exact: 0.2, Semantic: 0.5, Reward: 0.4, Right: 1, Flat: 0.1},
		Cost:   LookCost{EpisodesPerSecond: 50, Hours: 1, MemoryGB: 4, MachineGB: 16, Trained: 135e6},
	}
}

func plainRun(t *testing.T) Config {
	c := testConfig(t, t.TempDir(), "schedule.lr=2e-5", "episodes=96000")
	c.Child, c.Task = "smollm2", "opposites"
	return c
}

// Each rule of the table holds from its threshold on and not below, and says what
// was seen and the key or the flag to change.
func TestAdvice(t *testing.T) {
	const below, above = 1 - 1e-9, 1 + 1e-9
	for _, c := range []struct {
		rule       string
		holds, not func(l *Look, c *Config)
		seen, do   string
	}{
		{"empty", func(l *Look, _ *Config) { l.Empty = manyEmpty }, func(l *Look, _ *Config) { l.Empty = manyEmpty * below },
			"50% of the answers are empty", "--chat-template off"},
		{"limit", func(l *Look, _ *Config) { l.Limit = 3 }, func(l *Look, _ *Config) { l.Limit = 4 },
			"takes 4 tokens, an answer gets at most 3", "--max-new-tokens 5"},
		{"cut", func(l *Look, _ *Config) { l.Cut = manyCut }, func(l *Look, _ *Config) { l.Cut = manyCut * below },
			"80% of the answers are cut at 8 tokens", "--chat-system"},
		{"cut", func(l *Look, _ *Config) { l.Cut, l.Examples = 1, []Completion{{Reference: "warm"}} }, func(l *Look, _ *Config) { l.Cut = 0 },
			"100% of the answers are cut", "'Answer with one word.'"},
		{"cut", func(l *Look, _ *Config) {
			l.Cut, l.Examples = 1, []Completion{{Reference: "warm"}, {Reference: "it is warm"}}
		}, func(l *Look, _ *Config) { l.Cut = 0 },
			"100% of the answers are cut", "'Answer with one short sentence.'"},
		{"cut", func(l *Look, c *Config) { l.Cut, c.ChatTemplate.System = 1, "Be brief." }, func(l *Look, _ *Config) { l.Cut = 0 },
			"100% of the answers are cut", "pgsrm sft --child smollm2 --task opposites --out warm, then --child warm"},
		{"cut", func(l *Look, _ *Config) { l.Cut, l.Templated, l.HasTemplate = 1, false, false }, func(l *Look, _ *Config) { l.Cut = 0 },
			"100% of the answers are cut", `--stop $'\n'`},
		{"cut", func(l *Look, c *Config) { l.Cut, c.Rollout.MissingEOSPenalty = 1, 0.1 }, func(l *Look, _ *Config) { l.Cut = 0 },
			"100% of the answers are cut", "rollout.missing_eos_penalty will teach the child to end; to help, ask for short answers"},
		{"template", func(l *Look, _ *Config) { l.Templated, l.Scores = false, nil }, func(l *Look, _ *Config) { l.Templated, l.HasTemplate = false, false },
			"has a chat template, and it is off", "--chat-template on"},
		{"signal", func(l *Look, _ *Config) { l.Scores.Flat = manyFlat }, func(l *Look, _ *Config) { l.Scores.Flat = manyFlat * below },
			"at 80% of the prompts all 4 answers earn the same", "rollout.temperature"},
		{"signal", func(l *Look, c *Config) { l.Scores.Flat, c.Reward.Formula = 1, "exact" }, func(l *Look, c *Config) { l.Scores = nil },
			"at 100% of the prompts", "--reward pgsrm"},
		{"start", func(l *Look, _ *Config) { l.Scores.Exact, l.Scores.Reward = fewRight*below, lowReward*below },
			func(l *Look, _ *Config) { l.Scores.Exact, l.Scores.Reward = 0, lowReward },
			"2.0% of the answers are right, and they earn 10.0%", "pgsrm sft"},
		{"start", func(l *Look, _ *Config) { l.Scores.Exact, l.Scores.Reward = 0, 0 },
			func(l *Look, c *Config) { l.Scores.Exact, l.Scores.Reward, c.Child = 0, 0, "builtin:tiny" }, "0% of the answers are right", "pgsrm sft"},
		{"start", func(l *Look, c *Config) { l.Scores.Exact, l.Scores.Reward, c.Replay.PerPrompt = 0, 0, 2 },
			func(l *Look, c *Config) { l.Scores.Exact, l.Scores.Reward, c.Child = 0, 0, "builtin:tiny" }, "0% of the answers are right", "--set replay.search=16"},
		{"constant", func(l *Look, _ *Config) {
			l.Scores.Constant.Answer, l.Scores.Constant.ShareOfCorrect = "gray", highConstant
		},
			func(l *Look, _ *Config) { l.Scores.Constant.ShareOfCorrect = highConstant * below },
			`saying "gray" to every prompt earns 30%`, "--reward pgsrm"},
		{"common", func(l *Look, _ *Config) { l.Share = manyCommon }, func(l *Look, _ *Config) { l.Share = manyCommon * below },
			`50% of the answers are "warm"`, "chat_template"},
		{"entropy", func(l *Look, _ *Config) { l.Entropy = lowEntropy * below }, func(l *Look, _ *Config) { l.Entropy = lowEntropy },
			"sure of every token (0.050 nats)", "rollout.temperature"},
		{"right", func(l *Look, _ *Config) { l.Scores.Exact = mostRight }, func(l *Look, _ *Config) { l.Scores.Exact = mostRight * below },
			"90% of the answers are right", "harder task"},
		{"right", func(l *Look, _ *Config) { n := 0.95; l.Scores.Exact, l.Scores.Normalized = 0, &n }, func(l *Look, _ *Config) { n := 0.1; l.Scores.Normalized = &n },
			"95% of the answers are right", "harder task"},
		{"rate", func(_ *Look, c *Config) { c.Schedule.LR = highRate * above }, func(_ *Look, c *Config) { c.Schedule.LR = highRate },
			"the learning rate 0.0001 is high for all 135 million weights", "--lr 4e-05"},
		{"rate", func(_ *Look, c *Config) { c.Schedule.LR, c.LoRA.Rank = highLoRARate*above, 8 }, func(_ *Look, c *Config) { c.Schedule.LR, c.LoRA.Rank = highLoRARate, 8 },
			"is high for adapters", "--lr 0.0003"},
		{"rate", func(_ *Look, c *Config) { c.Schedule.LR = 1 }, func(l *Look, c *Config) { c.Schedule.LR, l.Cost.Trained = 1, largeModel-1 }, "", ""},
		{"time", func(l *Look, _ *Config) { l.Cost.Hours = longRun }, func(l *Look, _ *Config) { l.Cost.Hours = longRun * below },
			"the run will take about 4.0 hours", "--episodes 24000 takes about 60 min"},
		{"time", func(l *Look, _ *Config) { l.Cost.Hours = 1000 }, func(*Look, *Config) {}, "41.7 days", "--episodes 1280 takes about 13.3 hours"},
		{"memory", func(l *Look, _ *Config) { l.Cost.MemoryGB = 0.8 * 16 }, func(l *Look, _ *Config) { l.Cost.MemoryGB = 100; l.Cost.MachineGB = 0 },
			"needs about 12.8 GB, the machine has 16.0", "--lora-rank 16"},
		{"memory", func(l *Look, c *Config) { l.Cost.MemoryGB, c.LoRA.Rank = 15, 4 }, func(l *Look, _ *Config) { l.Cost.MemoryGB = 12.7 },
			"needs about 15.0 GB", "--recompute"},
	} {
		l, cfg := plainLook(), plainRun(t)
		c.holds(l, &cfg)
		got := advise(l, cfg)
		at := slices.IndexFunc(got, func(a Advice) bool { return a.Rule == c.rule })
		if at < 0 || len(got) > 1 && c.rule != "right" && c.rule != "signal" || !strings.Contains(got[at].Seen, c.seen) || !strings.Contains(got[at].Do, c.do) {
			t.Errorf("%s: got %+v", c.rule, got)
		}
		l, cfg = plainLook(), plainRun(t)
		c.not(l, &cfg)
		if got := advise(l, cfg); len(got) > 0 {
			t.Errorf("%s must not hold: got %+v", c.rule, got)
		}
	}
	tried := map[string]bool{}
	for _, r := range rules {
		if tried[r.name] {
			t.Errorf("%s stands twice in the table", r.name)
		}
		tried[r.name] = true
	}
}

// The lines say what was seen in one line each, and no text of the child breaks
// them.
func TestLookLines(t *testing.T) {
	l := plainLook()
	l.Common = "a\nb"
	l.Scores.Constant.Answer, l.Scores.Constant.ShareOfCorrect = "gray", 0.125
	r := 0.5
	l.Examples = []Completion{{Prompt: strings.Repeat("x", 70) + " The opposite of hot is", Reference: "cold", Response: "\"Cold\"\nis", Finish: "length", Reward: &r}}
	l.Advice = []Advice{{"time", "it takes long", "--episodes 1"}}
	want := `4 answers to each of 16 prompts before training: 20% right, likeness 0.50, reward 0.400 (references earn 1.000)
20% cut at the limit of 8 tokens (the longest reference takes 4), 0% empty, entropy 1.00 nats a token; 10% are "a\nb"
2 of 16 prompts have answers that all earn the same; the best constant answer, "gray", earns 12% of what references earn
about 50 episodes/s, 60 min for the run, 4.0 GB of memory of 16.0
for example ..."xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx The opposite of hot is": "\"Cold\"\nis" (cut), wanted "cold", reward 0.500
advice: it takes long: --episodes 1`
	if got := strings.Join(l.Lines(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	n := 0.25
	l.Scores.Normalized = &n
	if got := l.Lines()[0]; !strings.Contains(got, "20% right to the letter, 25% but for quotes and punctuation, likeness") {
		t.Errorf("got %s", got)
	}
	l.Scores, l.Unscored = nil, "the embedder is a server"
	if got := l.Lines()[0]; !strings.HasSuffix(got, "not scored, the embedder is a server") {
		t.Errorf("got %s", got)
	}
}
