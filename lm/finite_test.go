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
