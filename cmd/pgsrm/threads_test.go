package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgsrm/kernel"
)

// TestCompareIsTheSameOnAnyThreads: a comparison leaves the same bytes of metrics,
// completions and weights on one thread and on two, shared out among its runs or
// all for one of them, with every kernel that this machine has.
func TestCompareIsTheSameOnAnyThreads(t *testing.T) {
	variants := kernel.Variants()
	if name := os.Getenv("PGSRM_KERNEL"); name != "" {
		variants = []string{name}
	}
	if testing.Short() { // all share one pool of threads
		variants = variants[:1]
	}
	// wide enough for its products to be shared among threads
	child := filepath.Join(t.TempDir(), "child")
	if err := writeSizedChild(child, 2, 64, 4); err != nil {
		t.Fatal(err)
	}
	for _, variant := range variants {
		t.Run(variant, func(t *testing.T) {
			want := compared(t, variant, child, 1, 1)
			if len(want) != 2*3 {
				t.Fatalf("two runs must leave three files each (got %d files)", len(want))
			}
			for _, slots := range [][2]int{{2, 2}, {2, 1}} {
				got := compared(t, variant, child, slots[0], slots[1])
				for name, text := range want {
					if !bytes.Equal(got[name], text) {
						t.Errorf("%d threads, %d runs at a time: %s differs from that of one thread", slots[0], slots[1], name)
					}
				}
			}
		})
	}
}

// compared runs a small comparison and returns what must not depend on threads.
func compared(t *testing.T, variant, child string, threads, parallel int) map[string][]byte {
	t.Helper()
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "pgsrm", "compare", "--task", "opposites", "--child", child, "--rewards", "0.5*exact + centered(no_clip)",
		"--seeds", "2", "--episodes", "128", "--look", "off", "--set", "eval_prompts=40", "--threads", strconv.Itoa(threads), "--parallel", strconv.Itoa(parallel), "--out", out)
	cmd.Env = append(os.Environ(), "PGSRM_KERNEL="+variant)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(out, path)
		if err == nil && (d.Name() == "metrics.jsonl" || d.Name() == "completions.jsonl" || d.Name() == "model.safetensors" && !strings.Contains(name, "checkpoint")) {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
