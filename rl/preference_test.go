package rl

import (
	"errors"
	"math"
	"testing"

	"pgsrm/lm"
)

// Three pairs whose scores differ by log 3, 0 and -log 3: the chosen answer is preferred with
// the probabilities 3/4, 1/2 and 1/4.
func TestBradleyTerryByHand(t *testing.T) {
	l3 := math.Log(3)
	loss, right, grad := bradleyTerry([]float64{l3, 0, 1, 1, -l3, 0})
	if want := (math.Log(4.0/3) + math.Log(2) + math.Log(4)) / 3; !near(loss, want) {
		t.Errorf("loss %v, want %v", loss, want)
	}
	if !near(right, 0.5) { // one, a half, none
		t.Errorf("share right %v", right)
	}
	for i, want := range []float64{-1.0 / 12, 1.0 / 12, -1.0 / 6, 1.0 / 6, -1.0 / 4, 1.0 / 4} {
		if !near(float64(grad[i]), want) {
			t.Errorf("gradient %v", grad)
		}
	}
	if loss, _, grad := bradleyTerry([]float64{-1e4, 1e4}); loss != 2e4 || grad[0] != -1 { // without overflow
		t.Errorf("got %v, %v", loss, grad)
	}
	if s := Sigmoid(l3); !near(s, 0.75) {
		t.Errorf("sigmoid(log 3) = %v", s)
	}
}

// The gradient that reaches the head is the central difference of the loss.
func TestPreferenceGradient(t *testing.T) {
	scores := []float64{0.3, -0.2, 1.5, 2, -0.75, -1}
	_, _, grad := bradleyTerry(scores)
	const h = 1e-5
	for i := range scores {
		at := scores[i]
		scores[i] = at + h
		up, _, _ := bradleyTerry(scores)
		scores[i] = at - h
		down, _, _ := bradleyTerry(scores)
		scores[i] = at
		if want := (up - down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-7 {
			t.Errorf("%d: got %v, want %v", i, grad[i], want)
		}
	}
}

// newHead is a head on a small random trunk.
func newHead(t testing.TB) *PreferenceHead {
	m, err := lm.NewRandom(lm.GPT2(2, 32, 2, 17, 16), 7)
	if err != nil {
		t.Fatal(err)
	}
	m.ValueHead(false)
	return &PreferenceHead{Model: m, Optimizer: lm.NewAdamW()}
}

// A head that knows nothing is of no opinion; it learns which answer of each prompt is to be
// preferred, even where the same answer is the better one of one prompt and the worse of another.
func TestPreferenceHeadLearns(t *testing.T) {
	h := newHead(t)
	pairs := []Pair{{[]int32{1, 2}, []int32{3, 0}, []int32{4, 0}}, {[]int32{1, 5}, []int32{4, 0}, []int32{3, 0}}}
	prompts, answers := [][]int32{{1, 2}, {1, 2}, {1, 5}}, [][]int32{{3, 0}, {4, 0}, {4, 0}}
	s, err := h.Scores(prompts, answers)
	if err != nil || s[0] != 0 || s[1] != 0 {
		t.Fatalf("got %v, %v", s, err)
	}
	o := DefaultPreference()
	o.LR = 3e-3 // at 1e-2 single updates overshoot, and the last one may
	first, _, err := h.Learn(pairs, o, Step{})
	if err != nil || !near(first, math.Ln2) {
		t.Errorf("the first loss is %v, want log 2 (%v)", first, err)
	}
	var loss, right float64
	for range 60 {
		if loss, right, err = h.Learn(pairs, o, Step{}); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = h.Scores(prompts, answers); err != nil || loss > 0.05 || right != 1 || s[0]-s[1] < 2 || s[2]-s[0] > 20 {
		t.Errorf("loss %v, right %v, scores %v, %v", loss, right, s, err)
	}
	if _, err := h.Scores([][]int32{{1}}, [][]int32{{}}); err == nil {
		t.Error("an answer without a token must be refused")
	}
}

// Numbers that are not finite end the step before the weights change.
func TestPreferenceHeadNonFinite(t *testing.T) {
	h := newHead(t)
	h.Model.ValueWeights()[0] = float32(math.Inf(1))
	_, _, err := h.Learn([]Pair{{[]int32{1}, []int32{2}, []int32{3}}}, DefaultPreference(), Step{Index: 4})
	var bad *NonFiniteError
	if !errors.As(err, &bad) || bad.Step != 4 || h.Optimizer.Steps != 0 {
		t.Errorf("got %v after %d updates", err, h.Optimizer.Steps)
	}
}
