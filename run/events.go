package run

import (
	"errors"
	"sort"
	"sync"

	"pgsrm/remote/completions"
)

// Event is one thing that happened in a run: Asked, looked, Started, Metrics,
// Timing, Completion, Checkpointed, Warning or Ended.
type Event interface{ event() }

// Asked says how many prompts the parent has answered or failed, and what it
// counts. It comes before Started, and not where a table answers.
type Asked struct {
	Done, Of int
	Counts   completions.Counts
}

// values are the counts as the numbers of a Timing.
func (a Asked) values() map[string]float64 {
	out := map[string]float64{"parent/prompts": float64(a.Of)}
	for name, v := range a.Counts.Values() {
		out["parent/"+name] = v
	}
	return out
}

// looked says what was seen of the child before training. It comes before Started.
type looked struct {
	Look  *Look
	Lines []string // of Look.Lines those that no other run of the comparison has told
}

// Started opens a run or continues one.
type Started struct {
	Step, Steps       int // step reached so far, and of the whole run
	Episode, Episodes int // likewise
	Resumed           bool
	Notes             []string // what was decided for the run, in words
}

// Metrics are named numbers of one step. An evaluation is an event of its own
// with the same step.
type Metrics struct {
	Step, Episode int
	Values        map[string]float64
}

// Timing is the wall clock of one step, seconds by phase. It is kept apart from
// Metrics, which must be reproducible.
type Timing struct {
	Step, Episode int
	Values        map[string]float64
}

// Completion is one answer of the child, sampled in training or greedy in an
// evaluation.
type Completion struct {
	Step      int                `json:"step"`
	Episode   int                `json:"episode"`
	PromptID  string             `json:"prompt_id"`
	Prompt    string             `json:"prompt"`
	Reference string             `json:"reference"`
	Response  string             `json:"response"`
	Reward    *float64           `json:"reward"` // null where there is none
	Terms     map[string]float64 `json:"terms"`  // unweighted, by kind; JSON sorts the keys
	Finish    string             `json:"finish"`
	Greedy    bool               `json:"greedy,omitempty"`
	// Whether the answer is right, strictly and normalised (task.Matcher); nil for a
	// built-in child whose responses are taken as they are.
	ExactMatch *bool  `json:"exact_match,omitempty"`
	Normalized *bool  `json:"exact_match_normalized,omitempty"`
	Split      string `json:"split,omitempty"` // of greedy answers
	// Cosine to the reference, of greedy answers; nil where the embedder failed and in runs
	// that are older than this field.
	Semantic *float64 `json:"semantic,omitempty"`
	Error    string   `json:"error,omitempty"` // why there is no reward
}

// Checkpointed says that a checkpoint is safely on disk.
type Checkpointed struct {
	Step int
	Path string
}

// Warning is something that a reader of the log should know.
type Warning struct {
	Step int    `json:"step"`
	Kind string `json:"kind,omitempty"` // of what training is watched for: WarnNoSignal, ...; "" = of something else
	Text string `json:"text"`
}

// Ended closes a run; Err is nil where it is complete. Stopped says why it ended before
// its last step, "" where it did not. Judged are lines that say what the language models
// were asked that judge answers, since this process began.
type Ended struct {
	Step, Episode int
	Stopped       string
	Judged        []string
	Err           error
}

func (Asked) event()        {}
func (looked) event()       {}
func (Started) event()      {}
func (Metrics) event()      {}
func (Timing) event()       {}
func (Completion) event()   {}
func (Checkpointed) event() {}
func (Warning) event()      {}
func (Ended) event()        {}

// Subscriber gets every event of a run, in order, from one goroutine.
type Subscriber interface {
	Event(e Event) error
}

// stream of events to all subscribers.
type eventStream []Subscriber

// emit passes the event to every subscriber and joins their errors.
func (s eventStream) emit(e Event) error {
	var errs []error
	for _, sub := range s {
		if err := sub.Event(e); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// warnings collects texts that sources report from any goroutine, until the run
// emits them from its own.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// add takes a text.
func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

// take empties the list.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}

// sortedKeys are the keys of the values in the order in which they are written.
func sortedKeys(values map[string]float64) []string {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
