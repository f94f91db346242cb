package hf

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/lm"
	"pgsrm/safetensors"
)

// Weights that are not finite, or would not be in the type they are saved in, are
// never written, wherever they are.
func TestNonFiniteWeightsAreNotSaved(t *testing.T) {
	largest := math.Float32frombits(0x7f7fffff)
	for _, c := range []struct {
		name  string
		spoil func(m *Model)
		save  func(m *Model, dir string) error
		want  string
	}{
		{"NaN", func(m *Model) { m.Params()[3].Value[5] = float32(math.NaN()) },
			func(m *Model, dir string) error { return m.Save(dir) }, "holds NaN"},
		{"infinity as F32", func(m *Model) { m.Params()[0].Value[0] = float32(math.Inf(-1)) },
			func(m *Model, dir string) error { return m.SaveAs(dir, safetensors.F32) }, "holds -Inf"},
		{"too large for BF16", func(m *Model) { m.Params()[0].Value[0] = largest },
			func(m *Model, dir string) error { return m.SaveAs(dir, safetensors.BF16) }, "holds 3.4028235e+38"},
		{"adapter", func(m *Model) {
			if err := m.AddLoRA(LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 4}, Targets: []string{AllLinear}}, 1); err != nil {
				t.Fatal(err)
			}
			m.LoRAParams()[1].Value[0] = float32(math.NaN())
		}, func(m *Model, dir string) error { return m.SaveAdapter(dir) }, "holds NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := LoadBuiltin("tiny")
			if err != nil {
				t.Fatal(err)
			}
			c.spoil(m)
			dir := filepath.Join(t.TempDir(), "out")
			err = c.save(m, dir)
			if !errors.Is(err, lm.ErrNonFinite) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one of lm.ErrNonFinite with %q", err, c.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}
