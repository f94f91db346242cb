package report

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgsrm/run"
)

// hundred is a study of five tasks, four arms and five seeds with as many metrics, answers
// and evaluations as runs have.
func hundred(t testing.TB) *Data {
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
	all := studyAnswers(rng, task)
	r.Recorded = len(all)
	r.First, r.Final = greedyAt(all, false), greedyAt(all, true)
	r.Answers, r.Grid = chooseAnswers(all, r.Episodes), newGrid(all)
	return r
}

// studyAnswers are the greedy answers of a run at its evaluations.
func studyAnswers(rng *rand.Rand, task string) []Answer {
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
	return all
}

// The page of a hundred runs is one that can be sent by mail.
func TestPageOfAHundredRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("a size; no path that the other pages do not take")
	}
	page, err := hundred(t).html()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(page))
	if len(page) > 5e6 {
		t.Errorf("page must be at most 5 MB (got %d bytes)", len(page))
	}
}

// It is whole in every view, as on a phone.
func TestHundredRunsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("the page is drawn in one goroutine, and large")
	}
	page, err := hundred(t).html()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hundred.html")
	if err := os.WriteFile(file, page, 0o666); err != nil {
		t.Fatal(err)
	}
	auditPage(t, file)
}

// How long the report of a study of a hundred runs takes, from its folders to its files, and
// how large its page is: docs/format/report.md has the figures.
//
//	go test ./report -run - -bench Hundred -benchtime 3x
func BenchmarkReportOfAHundredRuns(b *testing.B) {
	dir := b.TempDir()
	for _, g := range hundred(b).Groups {
		for _, arm := range g.Arms {
			for _, r := range arm.Runs {
				writeStudyRun(b, dir, r)
			}
		}
	}
	page := 0.0
	for b.Loop() {
		out := b.TempDir()
		data, err := Load(dir)
		if err == nil {
			_, err = data.Write(out, "png")
		}
		if err != nil {
			b.Fatal(err)
		}
		st, err := os.Stat(filepath.Join(out, "report.html"))
		if err != nil {
			b.Fatal(err)
		}
		page = float64(st.Size())
	}
	b.ReportMetric(page/1e6, "MB/page")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/report")
}

// writeStudyRun writes a run of the study as a run directory.
func writeStudyRun(t testing.TB, dir string, r *Run) {
	at := filepath.Join(dir, r.Dir)
	if err := os.MkdirAll(at, 0o777); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("task: %s\nreward: %q\nseed: %d\n", r.Task, r.Reward, r.Seed)
	if err := os.WriteFile(filepath.Join(at, run.ConfigFile), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	lines := make([]map[string]any, 301)
	for step := range lines {
		lines[step] = map[string]any{"step": step, "episode": 64 * step}
	}
	for name, points := range r.Series {
		for _, p := range points {
			lines[p.Step][name] = p.Value
		}
	}
	metrics, timings, answers := newJSONL(t, filepath.Join(at, run.MetricsFile)), newJSONL(t, filepath.Join(at, run.TimingsFile)), newJSONL(t, filepath.Join(at, run.CompletionsFile))
	for step, line := range lines {
		metrics.add(line)
		timings.add(map[string]any{"step": step, "episode": 64 * step, "seconds": 0.05})
	}
	for _, a := range studyAnswers(rand.New(rand.NewPCG(uint64(r.Seed), hash(r.Dir))), r.Task) {
		answers.add(a)
	}
	metrics.close()
	timings.close()
	answers.close()
}
