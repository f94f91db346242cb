package rl

import (
	"math"

	"pgsrm/config"
)

// Schedule gives the learning rate of each update.
type Schedule struct {
	Kind   string  `yaml:"kind" oneof:"constant, linear, cosine"` // constant, linear or cosine
	LR     float64 `yaml:"lr" range:"[0, 1000000]"`               // peak
	Warmup int     `yaml:"warmup" range:"[0, 1000000000]"`        // updates of linear rise
	Final  float64 `yaml:"final" range:"[0, 1]"`                  // share of the peak at the end, linear and cosine
}

// Validate reports the first field that cannot be used, its key from the root of
// the configuration.
func (s Schedule) Validate() error { return config.At("schedule", config.Check(s)) }

// At returns the learning rate of update step (from 0) out of total. The first
// update of a warm-up already moves: (step+1)/warmup of the peak.
func (s Schedule) At(step, total int) float64 {
	if step < s.Warmup {
		return s.LR * float64(step+1) / float64(s.Warmup)
	}
	if s.Kind == "constant" || total <= s.Warmup {
		return s.LR
	}
	progress := min(1, float64(step-s.Warmup)/float64(total-s.Warmup))
	share := 1 - progress
	if s.Kind == "cosine" {
		share = (1 + math.Cos(math.Pi*progress)) / 2
	}
	return s.LR * (s.Final + (1-s.Final)*share)
}
