package run

import "pgsrm/config"

// Difference is a key that has two values, each in YAML on one line.
type Difference struct {
	Key string `json:"key"`
	A   string `json:"a"`
	B   string `json:"b"`
}

// Differences lists the keys in which two configurations differ, but for the run
// directory.
func Differences(a, b Config) []Difference {
	var out []Difference
	of := config.Keys(&b)
	for i, k := range config.Keys(&a) {
		if was, is := k.Text(), of[i].Text(); !k.Section && was != is && k.Name != "out" {
			out = append(out, Difference{k.Name, was, is})
		}
	}
	return out
}

// Changes lists the keys in which a resolved configuration differs from the defaults of
// its preset, for the same child, task and reward: A is the default. What follows from these
// is no change.
func (c Config) Changes() []Difference {
	d := OfPreset(c.Preset, c.LoRA.On())
	d.Preset, d.Task, d.Child, d.Reward, d.Arm, d.Algorithm, d.Seed = c.Preset, c.Task, c.Child, c.Reward, c.Arm, c.Algorithm, c.Seed
	d.Parent, d.Embedder, d.LoRA.Rank = c.Parent, c.Embedder, c.LoRA.Rank
	d.resolve(func(string, string) {})
	like := c
	like.Replay = d.Replay
	if like.checkReplay() != nil { // left out, see dropReplay
		d.Replay.PerPrompt = 0
	}
	d.LoRA.Rank = OfPreset(c.Preset, c.LoRA.On()).LoRA.Rank
	if d.Rollout.MaxNewTokens == 0 {
		d.Rollout.MaxNewTokens = c.Rollout.MaxNewTokens // decided by task or references
	}
	return Differences(d, c)
}

// personal are the keys in which the runs of one arm may differ, as they decide which run it
// is and how fast; arm is told by itself.
var personal = map[string]bool{
	"arm": true, "seed": true, "out": true, "threads": true, "recompute": true, "look": true, "checkpoint_every": true, "keep_checkpoints": true, "log_samples": true,
	"best.metric": true, "best.mode": true, "best.child": true,
}

// Personal says whether runs that differ in a key are compared as seeds of one arm.
func Personal(key string) bool { return personal[key] }
