package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// loraSettings make testConfig train adapters.
var loraSettings = []string{"lora.rank=3", "lora.targets=c_attn,c_fc", "schedule.lr=0.01"}

// TestLoRAResumesToTheSameBits: a run with adapters that was interrupted writes
// the bytes of one that was not.
func TestLoRAResumesToTheSameBits(t *testing.T) {
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight, loraSettings...), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	for step := 1; step <= 10; step += 4 {
		dir := t.TempDir()
		deps := testDeps(t)
		ctx, cancel := context.WithCancel(context.Background())
		deps.Events = []Subscriber{stopAt{step, cancel}}
		if _, err := Start(ctx, testConfig(t, dir, loraSettings...), deps); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("interrupted run: got error %v", err)
		}
		res, err := Resume(context.Background(), testConfig(t, dir, append(loraSettings, "threads=2")...), testDeps(t))
		if err != nil || !res.Complete {
			t.Fatalf("resumed run: %+v, %v", res, err)
		}
		compareRuns(t, straight, dir)
	}
}

// TestLoRACheckpointIsSmall: a checkpoint holds the adapter and its moments, and
// the first KL is exactly 0, since the reference is the base itself.
func TestLoRACheckpointIsSmall(t *testing.T) {
	dir := t.TempDir()
	seen := &events{}
	deps := testDeps(t)
	deps.Events = []Subscriber{seen}
	if _, err := Start(context.Background(), testConfig(t, dir, append(loraSettings, "eval_every=1")...), deps); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(dir, checkpointsDir, checkpointName(10))
	if !hf.IsAdapter(filepath.Join(checkpoint, childDir)) || !hf.IsAdapter(filepath.Join(dir, childDir)) {
		t.Fatal("checkpoint and child must be adapter folders")
	}
	trainer, err := safetensors.Open(os.DirFS(checkpoint), trainerFile)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	m := deps.Model.Clone()
	if err := m.LoadAdapter(filepath.Join(dir, childDir), false); err != nil {
		t.Fatal(err)
	}
	info, _ := trainer.Info("adam.m")
	opt := lm.NewAdamW()
	if m1, _, _, _ := opt.Moments(m.Model); info.Len() != len(m1) || info.Len() > m.NumParams() {
		t.Errorf("moments: %d saved, want %d", info.Len(), len(m1))
	}
	first := seen.metrics()[0].Values
	if kl := first["objective/kl"]; kl != 0 {
		t.Errorf("first KL must be 0 (got %v)", kl)
	}
	last := seen.metrics()[9].Values
	if kl := last["objective/kl"]; kl == 0 {
		t.Error("the adapter must have moved away from the base")
	}
}

// metrics are the metrics of the training steps.
func (e *events) metrics() (out []Metrics) {
	for _, x := range e.all {
		if m, ok := x.(Metrics); ok {
			if _, trained := m.Values["objective/kl"]; trained {
				out = append(out, m)
			}
		}
	}
	return out
}

// adapterFolder writes an adapter of the built-in child, of rank 2 on c_attn, and
// returns the folder.
func adapterFolder(t *testing.T) string {
	t.Helper()
	m, err := OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	if err := (LoRA{Rank: 2, Targets: []string{"c_attn"}}).Prepare(m, "builtin:tiny", 1); err != nil {
		t.Fatal(err)
	}
	for _, p := range m.LoRAParams() {
		for i := range p.Value {
			p.Value[i] = float32(i%7-3) / 100
		}
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := SaveChild(m, dir, safetensors.F32); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAdapterAsChild: an adapter folder is a child by its base, or by a given one.
func TestAdapterAsChild(t *testing.T) {
	dir := adapterFolder(t)
	base, err := OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "base")
	if err := base.Save(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, dir + "@builtin:tiny", dir + "@" + folder} {
		m, err := OpenChild(name)
		if err != nil {
			t.Fatal(err)
		}
		if l, on := m.LoRA(); !on || l.Rank != 2 || l.Base != "builtin:tiny" {
			t.Errorf("%s: got %+v", name, l)
		}
		other, err := OpenTokenizer(name)
		if err != nil || !bytes.Equal(m.Tokenizer.JSON(), other.JSON()) {
			t.Errorf("%s: tokenizer must be that of the base (%v)", name, err)
		}
	}
	for _, c := range []struct {
		name, adapter, base string
		given               bool
	}{
		{"a@b", "a", "b", true}, {"a@hf:x/y@v1", "a", "hf:x/y@v1", true}, {"hf:x/y", "hf:x/y", "", false}, {"hf:x/y@v1", "hf:x/y@v1", "", false},
		{"hf:x/y@v1@b@c", "hf:x/y@v1", "b@c", true}, {"builtin:tiny", "builtin:tiny", "", false},
	} {
		if adapter, base, given := cutBase(c.name); adapter != c.adapter || base != c.base || given != c.given {
			t.Errorf("%s: got %q, %q, %v", c.name, adapter, base, given)
		}
	}
	if name, revision := baseName("hf:x/y@v1"); name != "x/y" || revision != "v1" {
		t.Errorf("base of the hub: got %q and %q", name, revision)
	}
	for _, c := range []struct{ name, want string }{
		{dir + "@" + dir, "its base must be a model (" + dir + " is an adapter itself: write a model with pgsrm merge)"},
		{dir + "@missing", "its base: child: hf:missing: must be in the cache"},
		{folder + "@builtin:tiny", "child: must be an adapter folder before @builtin:tiny"},
	} {
		if _, err := OpenChild(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// TestAdapterChildIsTrainedOn: a run from an adapter measures KL against the child
// that it began with, and resumes to the same bits.
func TestAdapterChildIsTrainedOn(t *testing.T) {
	if testing.Short() {
		t.Skip("adapters are trained and resumed under the race detector in TestLoRAResumesToTheSameBits")
	}
	child := adapterFolder(t)
	settings := []string{"child=" + child, "lora.rank=2", "episodes=64", "checkpoint_every=1", "eval_prompts=2", "schedule.lr=0.01"}
	straight, broken, seen := t.TempDir(), t.TempDir(), &events{}
	if _, err := Start(context.Background(), testConfig(t, straight, settings...), Deps{Embedder: letters{}, Events: []Subscriber{seen}}); err != nil {
		t.Fatal(err)
	}
	if first := seen.metrics()[0].Values; first["objective/kl"] != 0 {
		t.Errorf("first KL must be 0 (got %v)", first["objective/kl"])
	}
	ctx, cancel := context.WithCancel(context.Background())
	deps := Deps{Embedder: letters{}, Events: []Subscriber{stopAt{2, cancel}}}
	if _, err := Start(ctx, testConfig(t, broken, settings...), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("interrupted run: got error %v", err)
	}
	if _, err := Resume(context.Background(), testConfig(t, broken, settings...), Deps{Embedder: letters{}}); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, broken)
	if base, _, err := hf.AdapterBase(filepath.Join(straight, childDir)); err != nil || base != "builtin:tiny" {
		t.Errorf("the base must be that of the child's adapter (got %q, %v)", base, err)
	}
}

// TestPrepare: with a rank the child's adapter is trained on, without it is merged.
func TestPrepare(t *testing.T) {
	dir := adapterFolder(t)
	for _, c := range []struct {
		l    LoRA
		want string // error
	}{
		{LoRA{Targets: []string{"all-linear"}}, ""},
		{LoRA{Rank: 2, Targets: []string{"all-linear"}}, ""},
		{LoRA{Rank: 2, Alpha: 4, Targets: []string{"c_attn"}}, ""},
		{LoRA{Rank: 8, Targets: []string{"c_attn"}}, "lora.rank: must be that of the child's adapter, which is trained on: 2 (got 8)"},
		{LoRA{Rank: 2, Alpha: 1, Targets: []string{"c_attn"}}, "lora.alpha: must be that of the child's adapter, which is trained on: 4 (got 1)"},
		{LoRA{Rank: 2, RSLoRA: true, Targets: []string{"c_attn"}}, "lora.rslora: must be that of the child's adapter, which is trained on: false (got true)"},
		{LoRA{Rank: 2, Targets: []string{"c_fc"}}, "lora.targets: must be that of the child's adapter, which is trained on: [c_attn] (got [c_fc])"},
	} {
		m, err := OpenChild(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.l.Prepare(m, dir, 1); fmt.Sprint(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%+v:\n got %v\nwant %s", c.l, err, c.want)
		}
		if _, on := m.LoRA(); c.want == "" && on != c.l.On() {
			t.Errorf("%+v: adapter must be there %v (got %v)", c.l, c.l.On(), on)
		}
	}
}
