package rl

import "math"

// Schedule gives the learning rate of each update.
type Schedule struct {
	Kind   string  `yaml:"kind"`   // constant, linear or cosine
	LR     float64 `yaml:"lr"`     // peak
	Warmup int     `yaml:"warmup"` // updates of linear rise
	Final  float64 `yaml:"final"`  // share of the peak at the end, linear and cosine
}

// Validate checks the fields.
func (s Schedule) Validate() error {
	return first(oneOf("schedule.kind", s.Kind, "constant", "linear", "cosine"),
		atLeast("schedule.lr", s.LR, 0), atLeast("schedule.warmup", float64(s.Warmup), 0),
		rangeOf("schedule.final", s.Final, 0, 1))
}

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
