package lm

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// The largest finite number is one; the value head is looked at too.
func TestCheckWeights(t *testing.T) {
	m := newTestModel(t, testConfigs()["gpt2"])
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

// Weights that are finite but so large that the variance in a norm overflows: the rows of
// zeros that the norm then gives are not measured as an answer.
func TestOverflowInANorm(t *testing.T) {
	configs := testConfigs()
	bert := configs["gpt2"]
	bert.Family, bert.PostNorm, bert.NoHead, bert.Causal, bert.Tied = "bert", true, true, false, false
	configs["bert"] = bert
	for name, c := range configs {
		m := newTestModel(t, c)
		embedding := make([]float32, m.tokens.K*m.tokens.N)
		m.tokens.Get(embedding, false)
		for i := range embedding {
			embedding[i] = float32(math.Copysign(1e23, float64(embedding[i])))
		}
		m.tokens.Set(embedding, false)
		if err := m.CheckWeights(); err != nil {
			t.Fatal(err)
		}
		if c.NoHead {
			s := m.NewState(false)
			rows := s.AddBidirectional([]int32{1, 2, 3})
			m.Forward(s)
			if h := s.Hidden(rows[0]); !math.IsNaN(float64(h[0])) {
				t.Errorf("%s: hidden state %v..., want NaN", name, h[0])
			}
			continue
		}
		if _, err := m.Greedy(t.Context(), [][]int32{{1, 2}}, 2, nil); !errors.Is(err, ErrNonFinite) {
			t.Errorf("%s: error %v, want ErrNonFinite", name, err)
		}
	}
}
