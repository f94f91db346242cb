package run_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/reward"
	"pgsrm/run"
)

// Training on the defaults: the embedded child on the task colors, rewarded by how
// close its answers are in meaning to the parent's.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "pgsrm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cfg := run.Default()
	cfg.Out = filepath.Join(dir, "colors")
	cfg.Episodes = 256 // of 96,000, to be quick
	result, err := run.Start(context.Background(), cfg, run.Deps{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(cfg.Out, "child", "model.safetensors"))
	fmt.Println(result.Steps, "steps, complete:", result.Complete, "- child saved:", err == nil)
	// Output: 2 steps, complete: true - child saved: true
}

// vowels is a reward of one's own: the share of vowels in an answer.
type vowels struct{}

func (vowels) Score(_ context.Context, samples []custom.Sample) []custom.Result {
	results := make([]custom.Result, len(samples))
	for i, s := range samples {
		n := 0
		for _, r := range s.Response {
			if strings.ContainsRune("aeiou", r) {
				n++
			}
		}
		if len(s.Response) == 0 {
			results[i].Err = custom.ErrNone // dropped and counted
			continue
		}
		results[i].Reward = float64(n) / float64(len(s.Response))
	}
	return results
}

// A reward of one's own is a Scorer, which answers the term custom.
func ExampleDeps() {
	dir, err := os.MkdirTemp("", "pgsrm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cfg := run.Default()
	cfg.Out, cfg.Episodes = filepath.Join(dir, "vowels"), 256
	if cfg.Reward, err = reward.ParseSpec("0.5*exact + 0.5*clip(custom, 0, 1)"); err != nil {
		log.Fatal(err)
	}
	if _, err := run.Start(context.Background(), cfg, run.Deps{Scorer: vowels{}}); err != nil {
		log.Fatal(err)
	}
	_, err = run.ReadMetrics(cfg.Out, func(m run.Metrics) error {
		if mean, ok := m.Values["rewards/custom/mean"]; ok {
			fmt.Println("step", m.Step, "has vowels:", mean > 0)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// step 1 has vowels: true
	// step 2 has vowels: true
}

// What a run recorded can be read line by line.
func ExampleReadMetrics() {
	dir, err := os.MkdirTemp("", "pgsrm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cfg := run.Default()
	cfg.Out, cfg.Task, cfg.Episodes = filepath.Join(dir, "opposites"), "opposites", 256
	if _, err := run.Start(context.Background(), cfg, run.Deps{}); err != nil {
		log.Fatal(err)
	}
	_, err = run.ReadMetrics(cfg.Out, func(m run.Metrics) error {
		if kl, ok := m.Values["objective/kl"]; ok && m.Step == 1 {
			fmt.Println("after", m.Episode, "answers the child is", kl, "nats from its start")
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: after 128 answers the child is 0 nats from its start
}

// progress prints what happens in a run.
type progress struct{}

func (progress) Event(e run.Event) error {
	switch e := e.(type) {
	case run.Started:
		fmt.Println("starts at step", e.Step, "of", e.Steps)
	case run.Warning:
		fmt.Println("warning:", e.Text)
	case run.Checkpointed:
		fmt.Println("checkpoint of step", e.Step)
	case run.Ended:
		fmt.Println("ended after", e.Episode, "answers, error:", e.Err)
	}
	return nil
}

// A subscriber gets every event of a run, beside its files. Load makes a
// configuration of defaults, the preset of the task, a file and settings.
func ExampleSubscriber() {
	dir, err := os.MkdirTemp("", "pgsrm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cfg, err := run.Load("", []config.Setting{
		{From: "task", Key: "task", Value: "copy"},
		{From: "episodes", Key: "episodes", Value: "128"},
		{From: "out", Key: "out", Value: filepath.Join(dir, "copy")},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := run.Start(context.Background(), cfg, run.Deps{Events: []run.Subscriber{progress{}}}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// starts at step 0 of 1
	// checkpoint of step 1
	// ended after 128 answers, error: <nil>
}

// A run directory says what the run was made with, and what its parent answered.
func ExampleReadEnvironment() {
	dir, err := os.MkdirTemp("", "pgsrm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cfg := run.Default()
	cfg.Out, cfg.Episodes = filepath.Join(dir, "colors"), 128
	if _, err := run.Start(context.Background(), cfg, run.Deps{}); err != nil {
		log.Fatal(err)
	}
	var made run.Environment
	if made, err = run.ReadEnvironment(cfg.Out); err != nil {
		log.Fatal(err)
	}
	var answers []run.Answer
	if answers, err = run.ReadAnswers(cfg.Out); err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Weights, "weights;", answers[0].Prompt, answers[0].Answer)
	// Output: 1065728 weights; Mix the two colors and output only one lowercase color name: red and blue is =>  purple
}
