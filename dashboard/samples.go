package dashboard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"sync"

	"pgsrm/internal/lines"
	"pgsrm/report"
	"pgsrm/run"
)

const (
	mostEvaluations = 20_000 // of a run, whose places in completions.jsonl are known
	mostSamples     = 1000   // of one answer to the page
	sampleText      = 2000   // characters
)

// samples knows where the answers of each evaluation stand in completions.jsonl.
type samples struct {
	mu    sync.Mutex
	file  follower
	steps []int
	at    []int64 // where the lines of a step begin
}

// update reads what the file has more.
func (s *samples) update() error {
	if !s.file.changed() {
		return nil
	}
	return s.file.read(func() { s.steps, s.at = nil, nil }, func(line []byte, at int64) {
		step, ok := stepOf(line)
		if !ok || len(s.steps) == mostEvaluations || len(s.steps) > 0 && s.steps[len(s.steps)-1] == step {
			return
		}
		s.steps, s.at = append(s.steps, step), append(s.at, at)
	})
}

// stepOf reads the step at the beginning of a line.
func stepOf(line []byte) (int, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"step":`))
	if !ok {
		return 0, false
	}
	digits, _, ok := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(digits))
	return n, ok && err == nil
}

// read calls add with the answers of a step, which is the last one where it is negative, and
// returns the step and all steps that there are.
func (s *samples) read(step int, add func(c run.Completion) bool) (found int, steps []int, err error) {
	s.mu.Lock()
	err = s.update()
	steps = append([]int{}, s.steps...)
	begin := int64(-1)
	for i, n := range s.steps {
		if step < 0 || n <= step || begin < 0 {
			found, begin = n, s.at[i]
		}
	}
	s.mu.Unlock()
	if begin < 0 || err != nil {
		return 0, steps, err
	}
	f, err := os.Open(s.file.path)
	if err != nil {
		return found, steps, err
	}
	defer f.Close()
	if _, err := f.Seek(begin, io.SeekStart); err != nil {
		return found, steps, err
	}
	r := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := lines.Read(r, longestLine)
		if err != nil { // the end, a line that is not whole, or one that is too long
			return found, steps, nil
		}
		if n, ok := stepOf(line); !ok || n != found {
			return found, steps, nil
		}
		var c run.Completion
		if json.Unmarshal(line, &c) != nil {
			continue
		}
		if !add(c) {
			return found, steps, nil
		}
	}
}

// sample is an answer as the page shows it.
type sample struct {
	Prompt    string             `json:"prompt"`
	Reference string             `json:"reference"`
	Response  string             `json:"response"`
	Reward    *float64           `json:"reward"`
	Terms     map[string]float64 `json:"terms,omitempty"`
	Finish    string             `json:"finish"`
	Greedy    bool               `json:"greedy"`
	Right     bool               `json:"right"`
	Split     string             `json:"split"`
	Error     string             `json:"error,omitempty"`
}

// newSample makes an answer fit for the page.
func newSample(c run.Completion) sample {
	s := sample{
		Prompt: clip(c.Prompt, sampleText), Reference: clip(c.Reference, sampleText), Response: clip(c.Response, sampleText), Reward: c.Reward,
		Finish: clip(c.Finish, 20), Greedy: c.Greedy, Right: report.Answer(c).Exact(), Split: clip(c.Split, longestText), Error: clip(c.Error, longestText),
	}
	for name, v := range c.Terms {
		if s.Terms == nil {
			s.Terms = map[string]float64{}
		}
		if len(s.Terms) < 50 {
			s.Terms[clip(name, longestName)] = v
		}
	}
	return s
}
