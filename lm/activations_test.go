package lm

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"pgsrm/kernel"
)

// The table has every activation once.
func TestTableOfActivations(t *testing.T) {
	var a activations
	c := testConfigs()["qwen"]
	seen := map[*[]float32]bool{}
	for _, b := range a.list(&c) {
		seen[b.data] = true
	}
	if n := reflect.TypeOf(a).NumField(); len(seen) != n {
		t.Errorf("the table has %d activations, the struct %d", len(seen), n)
	}
}

// Bytes counts what a State holds, of each kind of model and State.
func TestBytes(t *testing.T) {
	bert := testConfigs()["gpt2"]
	bert.Family, bert.PostNorm, bert.NoHead, bert.Causal, bert.Tied = "bert", true, true, false, false
	configs := testConfigs()
	configs["bert"] = bert
	for name, c := range configs {
		m := newTestModel(t, c)
		for _, kind := range []struct{ train, recompute, once bool }{{}, {train: true}, {train: true, recompute: true}, {once: true}} {
			m.Recompute = kind.recompute
			s := m.NewState(kind.train)
			s.once = kind.once
			var rows []int32
			if c.PostNorm {
				rows = s.AddBidirectional([]int32{1, 2, 3, 4, 5})
			} else {
				rows = s.AddSequence([]int32{1, 2, 3, 4, 5})
			}
			m.Forward(s)
			s.Hidden(rows[1])
			held := map[*float32]int{} // by the first element: one room may serve several blocks
			for l := range s.acts {
				for _, b := range s.acts[l].table {
					if x := *b.data; len(x) > 0 {
						held[&x[0]] = len(x)
					}
				}
			}
			numbers := len(s.final.x) + len(s.final.hidden)
			for _, n := range held {
				numbers += n
			}
			if got := s.Bytes(); got != 4*numbers {
				t.Errorf("%s, %+v: Bytes is %d, buffers hold %d", name, kind, got, 4*numbers)
			}
		}
	}
}

// What is kept nowhere is set before it is read: work space and the memory of Backward filled with
// NaN change no bit.
func TestWorkSpaceIsNotRead(t *testing.T) {
	nan := float32(math.NaN())
	spoil := func(x []float32) {
		for i := range x {
			x[i] = nan
		}
	}
	for name, c := range testConfigs() {
		for _, recompute := range []bool{false, true} {
			for _, lora := range []bool{false, true} {
				m := newTestModel(t, c)
				m.Recompute, m.Pool = recompute, kernel.NewPool(2)
				if lora {
					adapted(t, m, someLoRA, true)
				}
				build := testBatch(t, m, SampleOptions{Temperature: 1, MaxNewTokens: 4})
				s := m.NewState(true)
				spoilAll := func() {
					for i := range m.room.work {
						w := &m.room.work[i]
						for _, room := range []*buffers{&w.scratch, &w.dscratch} {
							for _, b := range room.table {
								spoil(*b.data)
							}
						}
					}
					b := &s.back
					for _, room := range []*buffers{&b.grads, &b.recomputed} {
						for _, b := range room.table {
							spoil(*b.data)
						}
					}
					for _, x := range [][]float32{b.hidden, b.finalNorm, b.norm1, b.norm2, b.qnorm, b.knorm, b.wt} {
						spoil(x)
					}
				}
				run := func(before func()) (scores, grad []float32) {
					s.Reset()
					targets := build(s)
					before()
					m.Forward(s)
					before()
					var sc Scores
					if err := m.Score(s, targets, 1, &sc); err != nil {
						t.Fatal(err)
					}
					before()
					m.Backward(s, targets, 1, randomGrads(len(targets)))
					_, g := m.trained()
					grad = slices.Concat(g, m.vhead.grad)
					m.ZeroGrad()
					return slices.Concat(sc.LogProb, sc.Entropy, sc.Value), grad
				}
				scores, grad := run(func() {})
				spoiledScores, spoiledGrad := run(spoilAll)
				if !slices.Equal(scores, spoiledScores) || !slices.Equal(grad, spoiledGrad) {
					t.Errorf("%s, recompute %v, adapters %v: spoilt work space changes scores or gradient", name, recompute, lora)
				}
				m.Pool.Close()
			}
		}
	}
}
