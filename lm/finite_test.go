package lm

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/safetensors"
)

// Weights that are not finite, or would not be in the type they are saved in, are
// never written, wherever they are.
func TestNonFiniteWeightsAreNotSaved(t *testing.T) {
	_, tok, err := LoadBuiltin("tiny")
	if err != nil {
		t.Fatal(err)
	}
	largest := math.Float32frombits(0x7f7fffff)
	for _, c := range []struct {
		name  string
		spoil func(m *Model)
		save  func(m *Model, dir string) error
		want  string
	}{
		{"NaN", func(m *Model) { m.params[3].Value[5] = float32(math.NaN()) },
			func(m *Model, dir string) error { return m.Save(dir, tok) }, "holds NaN"},
		{"infinity as F32", func(m *Model) { m.params[0].Value[0] = float32(math.Inf(-1)) },
			func(m *Model, dir string) error { return m.SaveAs(dir, tok, safetensors.F32) }, "holds -Inf"},
		{"too large for BF16", func(m *Model) { m.params[0].Value[0] = largest },
			func(m *Model, dir string) error { return m.SaveAs(dir, tok, safetensors.BF16) }, "holds 3.4028235e+38"},
		{"adapter", func(m *Model) {
			if err := m.AddLoRA(LoRA{Rank: 2, Alpha: 4, Targets: []string{AllLinear}}, 1); err != nil {
				t.Fatal(err)
			}
			m.lora.params[1].Value[0] = float32(math.NaN())
		}, func(m *Model, dir string) error { return m.SaveAdapter(dir) }, "holds NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _, err := LoadBuiltin("tiny")
			if err != nil {
				t.Fatal(err)
			}
			c.spoil(m)
			dir := filepath.Join(t.TempDir(), "out")
			err = c.save(m, dir)
			if !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one of ErrNonFinite with %q", err, c.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

// The largest finite number can be saved in full.
func TestCheckWeights(t *testing.T) {
	m, _, err := LoadBuiltin("tiny")
	if err != nil {
		t.Fatal(err)
	}
	m.params[0].Value[0] = math.Float32frombits(0x7f7fffff)
	m.ValueHead(false)
	if err := m.CheckWeights(); err != nil {
		t.Error(err)
	}
	m.vhead.w[1] = float32(math.Inf(1))
	if err := m.CheckWeights(); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "value head holds +Inf") {
		t.Errorf("error %v, want the value head named", err)
	}
}

// A width that the heads do not divide makes a folder that cannot be read.
func TestWidthIsMultipleOfHeads(t *testing.T) {
	if _, err := NewRandom(GPT2(1, 17, 2, 300, 16), 1); err == nil {
		t.Error("width 17 with 2 heads must be refused")
	}
}
