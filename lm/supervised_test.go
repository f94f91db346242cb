package lm

import "testing"

// TestSupervisedLearns: a tiny model memorises a few sequences; the reported
// loss is the one that CrossEntropy finds.
func TestSupervisedLearns(t *testing.T) {
	m, err := NewRandom(GPT2(2, 32, 4, 40, 16), 1)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []Sequence
	for i := range int32(8) {
		seqs = append(seqs, Sequence{Tokens: []int32{1, 2, 10 + i, 3, 20 + i, 30 - i}, From: 4})
	}
	s, opt := m.NewState(true), NewAdamW()
	first, n, err := m.CrossEntropy(s, seqs)
	if err != nil || n != 16 {
		t.Fatalf("counted tokens must be 16 (got %d, error %v)", n, err)
	}
	var last float64
	for i := range 150 {
		loss, _, err := m.Supervised(s, seqs)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && loss != first {
			t.Errorf("loss must equal CrossEntropy's %v (got %v)", first, loss)
		}
		opt.Step(m, 3e-3, 1)
		last = loss
	}
	if last > 0.05 {
		t.Errorf("loss after 150 updates must be below 0.05 (got %v, started at %v)", last, first)
	}
}
