package run

import (
	"fmt"
	"slices"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// LoRA is how much of the child is trained: with a rank low-rank adapters alone,
// else all weights. docs/lora.md describes it.
type LoRA struct {
	Rank    int      `yaml:"rank" range:"[0, 4096]"`     // 0 = all weights are trained
	Alpha   float64  `yaml:"alpha" range:"[0, 1000000]"` // the adapters count alpha/rank times; 0 = twice the rank
	Targets []string `yaml:"targets"`                    // modules by their names in PEFT; all-linear = every linear layer of the blocks
	RSLoRA  bool     `yaml:"rslora"`                     // alpha/sqrt(rank) instead
}

// On says whether adapters are trained.
func (l LoRA) On() bool { return l.Rank > 0 }

// Validate reports the first value that cannot be used, its key from the root of
// the configuration. The modules are checked against the child by Prepare.
func (l LoRA) Validate() error { return config.At("lora", config.Check(l)) }

// Rules demands the modules of adapters.
func (l LoRA) Rules() error {
	if l.On() && len(l.Targets) == 0 {
		return &config.Error{Key: "targets", Must: "must name at least one module", Value: "none"}
	}
	return nil
}

// Prepare makes the child trainable as l says. With a rank a child without
// adapter gets a fresh one from the seed, which is to be saved as one of the base
// that the name denotes; one with an adapter keeps it, and l must describe it.
// Without a rank a child with an adapter has it merged into its weights.
func (l LoRA) Prepare(m *hf.Model, child string, seed uint64) error {
	has, adapted := m.LoRA()
	switch {
	case !l.On():
		m.Merge()
		return nil
	case adapted:
		if err := l.same(has); err != nil {
			return err
		}
		return m.Trainable()
	}
	base, revision := baseName(child)
	return m.AddLoRA(hf.LoRA{
		LoRA: lm.LoRA{Rank: l.Rank, Alpha: l.alpha(), RSLoRA: l.RSLoRA}, Targets: l.Targets, Base: base, Revision: revision,
	}, stream(seed, forLoRA).Uint64())
}

// same demands that l describes the adapter that the child has.
func (l LoRA) same(has hf.LoRA) error {
	targets := slices.Clone(l.Targets)
	slices.Sort(targets)
	all := slices.Equal(targets, []string{hf.AllLinear}) // whatever the adapter is on
	for _, v := range []struct {
		key      string
		got, has any
		same     bool
	}{
		{"rank", l.Rank, has.Rank, l.Rank == has.Rank},
		{"alpha", l.alpha(), has.Alpha, l.alpha() == has.Alpha},
		{"rslora", l.RSLoRA, has.RSLoRA, l.RSLoRA == has.RSLoRA},
		{"targets", targets, has.Targets, all || slices.Equal(slices.Compact(targets), has.Targets)},
	} {
		if !v.same {
			return fmt.Errorf("lora.%s: must be that of the child's adapter, which is trained on: %v (got %v)", v.key, v.has, v.got)
		}
	}
	return nil
}

// alpha is the value with its default.
func (l LoRA) alpha() float64 {
	if l.Alpha == 0 {
		return 2 * float64(l.Rank)
	}
	return l.Alpha
}

// SaveChild writes what was trained: the folder of an adapter of PEFT, or the
// whole child as a Hugging Face folder, with weights of the type (hf.Model.SaveAs)
// or with "" exactly (hf.Model.Save).
func SaveChild(m *hf.Model, dir string, dtype safetensors.DType) error {
	if _, adapted := m.LoRA(); adapted {
		return m.SaveAdapter(dir)
	}
	if dtype == "" {
		return m.Save(dir)
	}
	return m.SaveAs(dir, dtype)
}
