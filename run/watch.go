package run

import "fmt"

// The kinds of warnings of what training is watched for.
const (
	warnCut      = "cut"       // answers are
	WarnNoSignal = "no-signal" // no reward differs
	warnEntropy  = "entropy"   // it is gone
)

// symptom is what spoils a run and shows in one metric of its steps.
type symptom struct {
	kind   string
	metric string
	steps  int // that it must last
	// there from this value on; gone only beyond the other, so that a value that
	// wavers round the first warns once
	there, gone float64
	low         bool // it is low values that are bad
	text        string
}

// symptoms are those that a run of the configuration is watched for.
func symptoms(c Config) []symptom {
	if c.Algorithm == "none" || c.Algorithm == "sft" || c.Algorithm == "gkd" { // no rewards to learn from, no search to keep up
		return nil
	}
	flat := symptom{
		kind:   WarnNoSignal,
		metric: "reward_std", steps: 20, there: 1e-8, gone: 1e-8, low: true,
		text: "for 20 steps all answers of a step have earned the same, so that there is nothing to learn from",
	}
	if c.Options.Grouped(c.Algorithm) {
		flat = symptom{
			kind:   WarnNoSignal,
			metric: "pgsrm/frac_groups_without_signal", steps: 20, there: 1, gone: 1,
			text: "for 20 steps the answers to each prompt have earned the same, so that there is no gradient",
		}
	}
	flat.text += ": where they are not right, take a reward that sees how near an answer is (--reward pgsrm), more rollout.samples_per_prompt, or a warm start (pgsrm sft)"
	return []symptom{
		{
			kind:   warnCut,
			metric: "completions/clipped_ratio", steps: 5, there: manyCut, gone: 0.6,
			text: fmt.Sprintf("%s of the answers or more are cut at the limit of %d tokens: let them end by a higher rollout.missing_eos_penalty or a warm start (pgsrm sft), or give them room with --max-new-tokens",
				percent(manyCut), c.Rollout.MaxNewTokens),
		},
		flat,
		{
			kind:   warnEntropy,
			metric: "policy/entropy_avg", steps: 20, there: 0.01, gone: 0.02, low: true,
			text: "for 20 steps the child has been sure of every token (entropy below 0.01 nats), so that it tries nothing else: where it is not right, lower --lr, raise the coefficient of the divergence or the temperature",
		},
	}
}

// watch tells each symptom once, and again only after it has gone away.
type watch struct {
	symptoms []symptom
	lasted   []int  // [symptoms] steps without a break
	told     []bool // [symptoms] and it has not gone away since
}

func newWatch(c Config) *watch {
	s := symptoms(c)
	return &watch{symptoms: s, lasted: make([]int, len(s)), told: make([]bool, len(s))}
}

// step takes the metrics of a step and returns what is to be told.
func (w *watch) step(metrics map[string]float64) []Warning {
	var told []Warning
	for i, s := range w.symptoms {
		v, ok := metrics[s.metric]
		if !ok { // all samples were dropped: nothing is known
			continue
		}
		there, gone := v >= s.there, v < s.gone
		if s.low {
			there, gone = v <= s.there, v > s.gone
		}
		if !there {
			w.lasted[i] = 0
			w.told[i] = w.told[i] && !gone
			continue
		}
		if w.lasted[i]++; w.lasted[i] >= s.steps && !w.told[i] {
			w.told[i] = true
			told = append(told, Warning{Kind: s.kind, Text: s.text})
		}
	}
	return told
}

// rewatch brings watch and arbiter to the step that a run is resumed from, by the metrics
// in its directory: what was told stays told.
func (r *run) rewatch() error {
	_, err := ReadMetrics(r.dir.path, func(m Metrics) error {
		r.watch.step(m.Values)
		r.arbiter.see(m)
		return nil
	})
	return err
}
