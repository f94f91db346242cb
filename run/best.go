package run

import (
	"fmt"
	"strings"

	"pgsrm/config"
)

// Best says which of the evaluated children is kept beside the newest checkpoints.
type Best struct {
	Metric string `yaml:"metric"`                   // one of BestMetrics; "" = none is kept
	Mode   string `yaml:"mode" oneof:"max, min"`    // whether more of it is better, or less
	Child  string `yaml:"child" oneof:"last, best"` // which one the run ends with
}

// EarlyStopping ends a run that no longer gets better.
type EarlyStopping struct {
	Patience  int     `yaml:"patience" range:"[0, 1000000000]"` // evaluations in a row that are not better; 0 = off
	Threshold float64 `yaml:"threshold" range:"[0, 1000000]"`   // what is better by no more than this is not better
	Metric    string  `yaml:"metric"`                           // "" = metric and mode of Best
	Mode      string  `yaml:"mode" oneof:"max, min"`
}

// measures are the numbers of an evaluation by which children can be compared, as
// rl.Table names them. The second is there only where answers are read (Config.Matcher).
var measures = []string{"exact_match", "exact_match_normalized", "semantic", "chrf", "reward", "distinct_1", "distinct_2", "mean_length"}

// BestMetrics lists the metrics that best.metric may name.
func BestMetrics() []string { return bestMetrics(true, "train", "held_out") }

// bestMetrics are those of an evaluation of the splits.
func bestMetrics(normalized bool, splits ...string) []string {
	var names []string
	for _, s := range splits {
		for _, m := range measures {
			if normalized || m != "exact_match_normalized" {
				names = append(names, "eval/"+s+"/"+m)
			}
		}
	}
	return names
}

// stopsBy is the metric of early stopping and its mode; "" = there is none.
func (c *Config) stopsBy() (metric, mode string) {
	switch s := c.EarlyStopping; {
	case s.Patience == 0:
		return "", ""
	case s.Metric == "":
		return c.Best.Metric, c.Best.Mode
	default:
		return s.Metric, s.Mode
	}
}

// checkBest reports what of best and early_stopping can never be.
func (c *Config) checkBest() error {
	if err := c.metricsAmong(bestMetrics(c.Matcher() != nil, "train", "held_out"), ""); err != nil {
		return err
	}
	by, _ := c.stopsBy()
	switch {
	case c.Best.Child == "best" && c.Best.Metric == "":
		return &config.Error{Key: "best.child", Must: "must be last where best.metric is empty", Value: `"best"`}
	case c.EarlyStopping.Patience == 0:
		return nil
	case by == "":
		return &config.Error{
			Key: "early_stopping.patience", Must: "must be 0 where neither early_stopping.metric nor best.metric is set", Value: fmt.Sprint(c.EarlyStopping.Patience),
		}
	case c.EvalEvery == 0:
		return &config.Error{
			Key: "early_stopping.patience", Must: "must be 0 where eval_every is 0, as nothing is evaluated on the way", Value: fmt.Sprint(c.EarlyStopping.Patience),
		}
	}
	return nil
}

// metricsAmong demands metrics among those that an evaluation has; why says what others need.
func (c *Config) metricsAmong(names []string, why string) error {
	for _, k := range []struct{ key, metric string }{{"best.metric", c.Best.Metric}, {"early_stopping.metric", c.EarlyStopping.Metric}} {
		if k.metric == "" {
			continue
		}
		var e *config.Error
		if err := config.OneOf(k.key, k.metric, names...); err != nil {
			e = err.(*config.Error)
			if strings.HasSuffix(k.metric, "/exact_match_normalized") && c.Matcher() == nil {
				why = "exact_match_normalized only where answer.normalize is on"
			}
			if why != "" {
				e.Must += ", " + why
			}
			return e
		}
	}
	return nil
}

// checkSplits demands that the splits of best and early_stopping are evaluated.
func (r *run) checkSplits() error {
	var splits []string
	for _, s := range r.evals {
		splits = append(splits, s.name)
	}
	why := ""
	if len(splits) == 1 {
		why = "as no prompt is held out"
	}
	return r.cfg.metricsAmong(bestMetrics(r.match != nil, splits...), why)
}
