package report

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// hundred is a study of five tasks, four arms and five seeds with as many metrics, answers
// and evaluations as runs have.
func hundred(t *testing.T) *Data {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	d := &Data{}
	for task := range 5 {
		var runs []*Run
		for _, reward := range []string{"pgsrm", "pgsrm-paper", "mine(tau=0.1) + 0.3*exact", "binary"} {
			for seed := range 5 {
				runs = append(runs, studyRun(rng, fmt.Sprintf("task-%d", task), reward, seed))
			}
		}
		d.Groups = append(d.Groups, newGroup(fmt.Sprintf("task-%d", task), runs))
	}
	return d
}

func studyRun(rng *rand.Rand, task, reward string, seed int) *Run {
	r := &Run{
		Dir: fmt.Sprintf("runs/%s/%s/seed-%d", task, reward, seed), Task: task, Reward: reward, Arm: reward, Seed: int64(seed),
		Config: map[string]string{"task": task}, Environment: map[string]string{"command": "pgsrm study all"}, Series: map[string][]Point{}, Episodes: 300 * 64,
	}
	for step := range 301 {
		for k := range 45 {
			name := fmt.Sprintf("pgsrm/metric_%d", k)
			r.Series[name] = append(r.Series[name], Point{step, 64 * step, rng.NormFloat64()})
		}
		for _, name := range []string{metricReward, metricEntropy, metricKL, metricLength} {
			r.Series[name] = append(r.Series[name], Point{step, 64 * step, rng.Float64()})
		}
		if step%10 == 0 {
			for _, name := range compared {
				r.Series[name] = append(r.Series[name], Point{step, 64 * step, rng.Float64()})
			}
		}
	}
	var all []Answer
	for step := 0; step <= 300; step += 10 {
		for p := range 90 {
			cosine := rng.Float64()
			reward := rng.Float64()
			text := fmt.Sprintf("an answer of some words, number %d, and what follows it", rng.IntN(400))
			all = append(all, Answer{
				Step: step, Episode: 64 * step, PromptID: fmt.Sprint(p), Prompt: fmt.Sprintf("Mix the two colors and output only one lowercase color name: %s and %d is =>", task, p),
				Reference: fmt.Sprint("reference ", p%20), Response: text, Reward: &reward, Semantic: &cosine, Greedy: true, Split: "train",
			})
		}
	}
	r.Recorded = len(all)
	r.First, r.Final = greedyAt(all, false), greedyAt(all, true)
	r.Answers, r.Grid = chooseAnswers(all, r.Episodes), newGrid(all)
	return r
}

// The page of a hundred runs is one that can be sent by mail.
func TestPageOfAHundredRuns(t *testing.T) {
	page, err := hundred(t).html()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(page))
	if len(page) > 5e6 {
		t.Errorf("page must be at most 5 MB (got %d bytes)", len(page))
	}
}
