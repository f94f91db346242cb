package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/config"
)

// BestChild is best.json: the best of the evaluated children.
type BestChild struct {
	Metric     string  `json:"metric"`
	Mode       string  `json:"mode"`
	Value      float64 `json:"value"`
	Step       int     `json:"step"`
	Episode    int     `json:"episode"`
	Checkpoint string  `json:"checkpoint"` // folder in the run directory
}

// mark is the best value of a metric so far.
type mark struct {
	metric, mode string
	threshold    float64 // what is better by no more than this does not count
	seen         bool
	value        float64
	step         int
	episode      int
	waited       int // evaluations since
}

// newMark watches a metric; nil for none.
func newMark(metric, mode string, threshold float64) *mark {
	if metric == "" {
		return nil
	}
	return &mark{metric: metric, mode: mode, threshold: threshold}
}

// see takes the metrics of a step. Those that are no evaluation do not count; an
// evaluation without a finite value of the metric is not better.
func (k *mark) see(m Metrics) {
	split := k.metric[:strings.LastIndexByte(k.metric, '/')+1]
	if _, evaluated := m.Values[split+"n"]; !evaluated {
		return
	}
	v, ok := m.Values[k.metric]
	gain := v - k.value
	if k.mode == "min" {
		gain = -gain
	}
	if ok && !math.IsNaN(v) && !math.IsInf(v, 0) && (!k.seen || gain > k.threshold) {
		k.seen, k.value, k.step, k.episode, k.waited = true, v, m.Step, m.Episode, 0
		return
	}
	k.waited++
}

// arbiter follows the evaluations of a run: which child is the best, and whether the
// run is to stop. All that it knows stands in metrics.jsonl.
type arbiter struct {
	best     *mark // nil: none is kept
	stop     *mark // nil: the run goes to its end
	patience int
	wentOn   []int // steps at which the run was extended though exhausted: there patience begins anew
}

func newArbiter(c Config, wentOn []int) *arbiter {
	metric, mode := c.stopsBy()
	return &arbiter{
		best: newMark(c.Best.Metric, c.Best.Mode, 0), stop: newMark(metric, mode, c.EarlyStopping.Threshold),
		patience: c.EarlyStopping.Patience, wentOn: wentOn,
	}
}

// see takes the metrics of a step, in order.
func (a *arbiter) see(m Metrics) {
	if a.best != nil {
		a.best.see(m)
	}
	if a.stop != nil {
		a.stop.see(m)
		if slices.Contains(a.wentOn, m.Step) {
			a.stop.waited = 0
		}
	}
}

// goOn forgets at a step how often there was nothing better, as the run is extended.
func (a *arbiter) goOn(step int) {
	if a.exhausted() {
		a.stop.waited = 0
		a.wentOn = append(a.wentOn, step)
	}
}

// exhausted says whether there were as many evaluations in a row without a better
// value as early stopping waits for.
func (a *arbiter) exhausted() bool { return a.stop != nil && a.stop.waited >= a.patience }

// reason says why it is.
func (a *arbiter) reason() string {
	k := a.stop
	better := map[string]string{"max": "above", "min": "below"}[k.mode]
	than := fmt.Sprintf("%.4g, that of step %d", k.value, k.step)
	if !k.seen {
		return fmt.Sprintf("%s had no value in %d evaluations", k.metric, k.waited)
	}
	if k.threshold > 0 {
		better = fmt.Sprintf("more than %g %s", k.threshold, better)
	}
	return fmt.Sprintf("%s was not %s %s, in the last %d evaluations", k.metric, better, than, k.waited)
}

// bestStep is the step of the best child; -1 without one.
func (a *arbiter) bestStep() int {
	if a.best == nil || !a.best.seen {
		return -1
	}
	return a.best.step
}

// bestChild is the best child as best.json tells it; nil without one.
func (a *arbiter) bestChild() *BestChild {
	if a.bestStep() < 0 {
		return nil
	}
	k := a.best
	return &BestChild{k.metric, k.mode, k.value, k.step, k.episode, path.Join(checkpointsDir, checkpointName(k.step))}
}

// point makes best.json lead to the checkpoint of the best child, where that is there.
func (r *run) point() error {
	if r.arbiter.best == nil {
		return nil
	}
	best := r.arbiter.bestChild()
	if best == nil || !r.dir.has(best.Checkpoint) {
		if err := os.Remove(r.dir.file(bestFile)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(best)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if old, err := os.ReadFile(r.dir.file(bestFile)); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return r.dir.write(bestFile, text)
}

// stopsEarly says that the run ends before its last step.
func (r *run) stopsEarly() bool { return r.done < r.steps && r.arbiter.exhausted() }

// stopped says why the run stops early, "" where it does not.
func (r *run) stopped() string {
	if !r.stopsEarly() {
		return ""
	}
	return r.arbiter.reason()
}

// childStep is the step whose weights the run ends with.
func (r *run) childStep() int {
	if best := r.arbiter.bestStep(); r.cfg.Best.Child == "best" && best >= 0 {
		return best
	}
	return r.done
}

// takeBest puts the best child in the place of the last, where the run is to end with it.
func (r *run) takeBest() error {
	step := r.childStep()
	if step == r.done {
		return nil
	}
	folder := r.dir.checkpoints().folder(step)
	_, err := r.verify(step)
	if err == nil {
		r.model, err = reloadChild(r.model, filepath.Join(folder, childDir))
	}
	if err != nil {
		return config.Errorf("best.child: the best child, %s, cannot be read: %w; restore it and resume, the last child is %s",
			folder, err, filepath.Join(r.dir.checkpoints().folder(r.done), childDir))
	}
	return r.remember()
}
