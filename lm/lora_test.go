package lm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// adapted puts adapters on the model, with B random if it is to do anything.
func adapted(t *testing.T, m *Model, l LoRA, random bool) *Model {
	t.Helper()
	if err := m.AddLoRA(l, linearModules(m), 5); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(6, 7))
	for _, a := range m.lora.list {
		if random {
			fillNormal(a.b, rng, 0.3)
		}
	}
	return m
}

// linearModules are all linear layers of the blocks, queries, keys and values as one
// module in every second block and as three in the others.
func linearModules(m *Model) []Module {
	var out []Module
	add := func(w *Param, from, to int) {
		out = append(out, Module{Name: fmt.Sprintf("%s.%d", w.Name, from), Weight: w, From: from, To: to})
	}
	q, kv := m.Config.qDim(), m.Config.kvDim()
	for i, l := range m.layers {
		if i%2 == 0 {
			add(l.qkv, 0, q)
			add(l.qkv, q, q+kv)
			add(l.qkv, q+kv, q+2*kv)
		} else {
			add(l.qkv, 0, l.qkv.N)
		}
		for _, w := range []*Param{l.out, l.gate, l.up, l.down} {
			if w != nil {
				add(w, 0, w.N)
			}
		}
	}
	return out
}

var someLoRA = LoRA{Rank: 3, Alpha: 6}

// TestAddLoRARefuses: sizes that cannot be, and adapters on adapters.
func TestAddLoRARefuses(t *testing.T) {
	m := newTestModel(t, testConfigs()["gpt2"])
	for _, l := range []LoRA{{Rank: 0, Alpha: 1}, {Rank: 1, Alpha: math.NaN()}, {Rank: 1}} {
		if err := m.AddLoRA(l, linearModules(m), 1); err == nil || m.LoRAParams() != nil {
			t.Errorf("%+v must be refused and leave the model as it was (got %v)", l, err)
		}
	}
	adapted(t, m, someLoRA, false)
	if err := m.AddLoRA(someLoRA, linearModules(m), 1); err == nil {
		t.Error("a second set of adapters must be refused")
	}
}

// TestMerge: merging changes what the model computes by rounding only.
func TestMerge(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		adapted(t, m, someLoRA, true)
		want := someLogits(m)
		m.Merge()
		if m.LoRAParams() != nil {
			t.Error("no adapter must be left")
		}
		var scale float64
		for _, v := range want {
			scale = max(scale, math.Abs(float64(v)))
		}
		for i, v := range someLogits(m) {
			if d := math.Abs(float64(v - want[i])); !(d <= 1e-5*scale) {
				t.Fatalf("logit %d: got %v, want %v", i, v, want[i])
			}
		}
	})
}

// TestLoRASamplerIsTrainingForward: the rule of the rows holds with adapters.
func TestLoRASamplerIsTrainingForward(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		adapted(t, m, someLoRA, true)
		for _, opt := range sampleOptions() {
			checkSampler(t, m, opt)
		}
	})
}

// TestLoRAFresh: adapters with B = 0 change no bit, so the first KL is exactly 0;
// the reference is the base itself, not a copy.
func TestLoRAFresh(t *testing.T) {
	forEachConfig(t, func(t *testing.T, m *Model) {
		want := someLogits(m)
		adapted(t, m, someLoRA, false)
		if !slices.Equal(someLogits(m), want) {
			t.Error("fresh adapters must change no bit")
		}
		ref := m.Frozen()
		if ref.lora != nil || &ref.value[0] != &m.value[0] {
			t.Error("the reference must be the base, with the same weights in memory")
		}
		bound := 1 / math.Sqrt(float64(m.Config.Width))
		var sum float64
		a := m.lora.list[0].a
		x := make([]float32, a.K*a.N)
		a.Get(x, false)
		for _, v := range x {
			if math.Abs(float64(v)) > bound {
				t.Fatalf("A must lie within %v (got %v)", bound, v)
			}
			sum += float64(v) * float64(v)
		}
		if v := sum / float64(len(x)) * 3 / (bound * bound); v < 0.6 || v > 1.4 {
			t.Errorf("A must be uniform: variance is %.2f of that", v)
		}
		fillNormal(m.lora.list[0].b, rand.New(rand.NewPCG(1, 1)), 0.3)
		if !slices.Equal(someLogits(ref), want) || slices.Equal(someLogits(m), want) {
			t.Error("the reference must stay, the model must change")
		}
	})
}

// someLogits are the logits of all tokens of a few prompts, packed.
func someLogits(m *Model) []float32 {
	s := m.NewState(false)
	var rows []int32
	for _, prompt := range testPrompts(m.Config.Vocab) {
		rows = append(rows, s.AddSequence(prompt)...)
	}
	m.Forward(s)
	V := m.Config.Vocab
	all := make([]float32, len(rows)*V)
	for i, r := range rows {
		m.Logits(s, r, all[i*V:(i+1)*V])
	}
	return all
}

// TestLoRAFrozen: the reference of a model whose adapters do something is a copy
// of these on shared weights.
func TestLoRAFrozen(t *testing.T) {
	m := adapted(t, newTestModel(t, testConfigs()["gpt2"]), someLoRA, true)
	ref, copied := m.Frozen(), m.Clone()
	want := someLogits(m)
	if &ref.value[0] != &m.value[0] || &copied.value[0] == &m.value[0] {
		t.Error("a reference shares the weights, a clone does not")
	}
	fillNormal(m.lora.list[1].b, rand.New(rand.NewPCG(2, 2)), 0.5)
	for _, x := range []*Model{ref, copied} {
		if !slices.Equal(someLogits(x), want) {
			t.Error("must compute what the model did")
		}
	}
}

// TestLoRAGradients compares with central differences, value head included.
func TestLoRAGradients(t *testing.T) {
	opt := SampleOptions{Temperature: 0.8, TopK: 9, MaxNewTokens: 3}
	forEachConfig(t, func(t *testing.T, m *Model) {
		adapted(t, m, someLoRA, true)
		build := testBatch(t, m, opt)
		s := m.NewState(true)
		targets := build(s)
		g := randomGrads(len(targets))
		m.Forward(s)
		m.Backward(s, targets, opt.Temperature, g)
		eval := func() float64 {
			e := m.NewState(false)
			build(e)
			m.Forward(e)
			return lossOf(m, e, targets, opt.Temperature, g)
		}
		for i, p := range m.LoRAParams() {
			x, dx := make([]float32, p.K*p.N), make([]float32, p.K*p.N)
			p.Get(x, false)
			p.GetGrad(dx, false)
			got, want := differences(i, x, dx, eval, func(v []float32) { p.Set(v, false) })
			checkClose(t, p.Name, got, want)
		}
		got, want := differences(99, slices.Clone(m.vhead.w), m.vhead.grad, eval, func(v []float32) { copy(m.vhead.w, v) })
		checkClose(t, "value head", got, want)
	})
}

// States of one model, and that of its reference, have the room of the head together: none sees the logits of
// another, whatever the order. A clone has a room of its own.
func TestStatesShareTheHead(t *testing.T) {
	m := newTestModel(t, testConfigs()["qwen"])
	frozen := m.Frozen()
	if frozen.room != m.room || m.Clone().room == m.room {
		t.Error("the reference must share the room of the head, a clone must not")
	}
	logits := func(m *Model, s *State, r int32) []float32 {
		out := make([]float32, m.Config.Vocab)
		m.Logits(s, r, out)
		return out
	}
	type place struct {
		m *Model
		s *State
	}
	var all []place
	var want [][]float32
	for i, of := range []*Model{m, m, frozen} {
		s := of.NewState(i == 0)
		s.AddSequence([]int32{int32(i), 3, 5})
		of.Forward(s)
		all, want = append(all, place{of, s}), append(want, logits(of, s, 2))
	}
	for _, i := range []int{0, 1, 0, 2, 2, 1, 0, 2} {
		if got := logits(all[i].m, all[i].s, 2); !slices.Equal(got, want[i]) {
			t.Fatalf("State %d: got the logits of another", i)
		}
	}
	all[2].s.Reset()
	all[2].s.AddSequence([]int32{0, 3, 5})
	frozen.Forward(all[2].s)
	if got := logits(frozen, all[2].s, 2); !slices.Equal(got, want[0]) {
		t.Error("after Reset: got the logits of before")
	}
}
