package lm

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Numbers of tokens and samples that no model has room for are refused, also where a sum with them overflows.
func TestSampleBounds(t *testing.T) {
	m := newTestModel(t, GPT2(1, 8, 2, 20, 16))
	prompts := [][]int32{{1, 2, 3}}
	for _, n := range []int{14, 1 << 30, math.MaxInt} {
		if err := m.Config.Fits(prompts[0], n); err == nil || !strings.Contains(err.Error(), "must fit in the context of 16") {
			t.Errorf("%d new tokens: error %v, want the context named", n, err)
		}
	}
	if err := m.Config.Fits(prompts[0], 13); err != nil {
		t.Errorf("13 new tokens fit after 3: %v", err)
	}
	for _, n := range []int{math.MinInt, -1, 0, maxPositions + 1, math.MaxInt} {
		err := SampleOptions{MaxNewTokens: n}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "max_new_tokens must be in 1..4194304 (got ") {
			t.Errorf("max_new_tokens %d: error %v, want the range", n, err)
		}
	}
	for _, n := range []int{math.MinInt, -1, 0, maxSamples + 1, math.MaxInt} {
		_, err := m.Generate(m.NewState(false), prompts, n, SampleOptions{MaxNewTokens: 2}, stream)
		if err == nil || !strings.Contains(err.Error(), "samples of a prompt must be in 1..1048576") {
			t.Errorf("%d samples: error %v, want the range", n, err)
		}
	}
}

// Logits with a NaN or an infinity are neither sampled from nor measured, however the distribution is truncated.
func TestNonFiniteLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, spoil := range map[string]func(head []float32, V int){
		"one NaN":  func(head []float32, V int) { head[17] = nan },
		"one +Inf": func(head []float32, V int) { head[17], head[V+17] = inf, inf },
		"all NaN": func(head []float32, V int) {
			for i := range head {
				head[i] = nan
			}
		},
		"overflow": func(head []float32, V int) {
			for i := range head {
				head[i] = math.MaxFloat32 * float32(1-2*(i%2))
			}
		},
	} {
		c := GPT2(2, 16, 2, 40, 16)
		c.Tied = false
		m := newTestModel(t, c)
		head := make([]float32, m.head.K*m.head.N)
		m.head.Get(head, false)
		spoil(head, c.Vocab)
		m.head.Set(head, false)
		prompts := [][]int32{{1, 2}, {3}}
		for _, opt := range append(sampleOptions(), SampleOptions{Temperature: 1, MinP: 0.3, MaxNewTokens: 2}) {
			for _, train := range []bool{false, true} {
				gens, err := m.Generate(m.NewState(train), prompts, 2, opt, stream)
				if !errors.Is(err, ErrNonFinite) || gens != nil {
					t.Errorf("%s, %+v: error %v with %d samples, want ErrNonFinite alone", name, opt, err, len(gens))
				}
			}
		}
		if _, err := m.Greedy(context.Background(), prompts, 3, nil); !errors.Is(err, ErrNonFinite) {
			t.Errorf("%s: greedy: error %v, want ErrNonFinite", name, err)
		}
		s := m.NewState(true)
		rows := s.AddSequence([]int32{1, 2, 3})
		m.Forward(s)
		rng := rand.New(rand.NewPCG(1, 1))
		for _, support := range [][]int32{nil, drawSupport(rng, c.Vocab, 17)} {
			err := m.Score(s, []Target{{rows[1], 17, support}}, 1, new(Scores))
			if !errors.Is(err, ErrNonFinite) {
				t.Errorf("%s: score over %d tokens: error %v, want ErrNonFinite", name, len(support), err)
			}
		}
		lessons := []Sequence{{Tokens: []int32{4, 5, 6}}}
		if _, _, err := m.CrossEntropy(s, lessons); !errors.Is(err, ErrNonFinite) {
			t.Errorf("%s: cross-entropy: error %v, want ErrNonFinite", name, err)
		}
		if _, _, err := m.Supervised(s, lessons); !errors.Is(err, ErrNonFinite) || m.grad != nil {
			t.Errorf("%s: supervised: error %v, want ErrNonFinite and no gradient", name, err)
		}
	}
}

// A value head that overflows is reported by Score too.
func TestNonFiniteValue(t *testing.T) {
	m := newTestModel(t, GPT2(1, 8, 2, 20, 16))
	m.vhead.w[8] = float32(math.Inf(-1))
	s := m.NewState(false)
	rows := s.AddSequence([]int32{1, 2})
	m.Forward(s)
	if err := m.Score(s, []Target{{Row: rows[1], Token: 3}}, 1, new(Scores)); !errors.Is(err, ErrNonFinite) || !strings.Contains(err.Error(), "value") {
		t.Errorf("error %v, want ErrNonFinite of the value", err)
	}
}

// A response ends where Stop says so, unless it has ended; the others do not change.
func TestStop(t *testing.T) {
	m := newTestModel(t, GPT2(1, 8, 2, 20, 16))
	prompts, opt := [][]int32{{1, 2, 3}, {4}}, SampleOptions{Temperature: 1, MaxNewTokens: 6}
	free, err := m.Generate(m.NewState(false), prompts, 8, opt, stream)
	if err != nil {
		t.Fatal(err)
	}
	opt.Stop = func(response []int32) bool { return response[len(response)-1] < 5 }
	stopped, err := m.Generate(m.NewState(false), prompts, 8, opt, stream)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, g := range stopped {
		seen[g.Finish]++
		n := len(g.Tokens)
		if !slices.Equal(g.Tokens, free[i].Tokens[:n]) || !slices.Equal(g.LogProbs, free[i].LogProbs[:n]) {
			t.Errorf("sample %d: got %v, want the beginning of %v", i, g.Tokens, free[i].Tokens)
		}
		at := slices.IndexFunc(free[i].Tokens, func(id int32) bool { return id < 5 && !m.Config.EndsWith(id) })
		if want := at >= 0; (g.Finish == "stop") != want || want && n != at+1 || !want && (g.Finish != free[i].Finish || n != len(free[i].Tokens)) {
			t.Errorf("sample %d: %v ends by %s, want %v of %v", i, g.Tokens, g.Finish, at+1, free[i].Tokens)
		}
	}
	if seen["stop"] == 0 || seen["length"] == 0 {
		t.Errorf("want samples that stop and some that do not, got %v", seen)
	}
}
