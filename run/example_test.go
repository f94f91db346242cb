package run_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

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
