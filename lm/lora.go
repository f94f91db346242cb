package lm

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/kernel"
)

// LoRA describes low-rank adapters (Hu et al. 2021, arXiv 2106.09685): a matrix
// W [K][N] of the frozen model acts as W + Scale*A*B with A [K][Rank] and
// B [Rank][N].
type LoRA struct {
	Rank   int
	Alpha  float64
	RSLoRA bool // scale by alpha/sqrt(rank) (Kalajdzievski 2023, arXiv 2312.03732)
}

// Scale is the factor of A*B: alpha/rank, with RSLoRA alpha/sqrt(rank).
func (l LoRA) Scale() float64 {
	if l.RSLoRA {
		return l.Alpha / math.Sqrt(float64(l.Rank))
	}
	return l.Alpha / float64(l.Rank)
}

// Validate reports the first field that no adapter can have.
func (l LoRA) Validate() error {
	switch {
	case l.Rank < 1 || l.Rank > 1<<12:
		return fmt.Errorf("lora: rank must be in 1..%d (got %d)", 1<<12, l.Rank)
	case !(l.Alpha > 0) || math.IsInf(l.Alpha, 0):
		return fmt.Errorf("lora: alpha must be a finite number above 0 (got %v)", l.Alpha)
	}
	return nil
}

// Module is a linear layer that an adapter can act on: a matrix, or a range of its
// outputs, since queries, keys and values are modules of their own that lie side
// by side in one matrix.
type Module struct {
	Name     string // of the adapter's parameters, which add .lora_A.weight and .lora_B.weight
	Weight   *Param // of a block
	From, To int    // range of the N outputs
}

// adapter is one A*B on the outputs from..to-1 of a matrix.
type adapter struct {
	base     *Param
	from, to int
	a, b     *Param // [K][rank], [rank][to-from]
	place    int    // among the adapters of its block
}

// adapters are those of a model, with their own arenas.
type adapters struct {
	spec   LoRA
	list   []*adapter
	of     map[*Param][]*adapter
	params []*Param    // A and B of each adapter in turn
	value  []float32   // arena of all values
	grad   []float32   // arena of all gradients, nil until training
	work   [][]float32 // [threads] work space: x*A of the rows that a thread is at
}

// AddLoRA puts fresh adapters on the modules and freezes everything else but the
// value head: only the adapters have gradients and moments. A is uniform in
// +-1/sqrt(K) from the seed (PEFT's Kaiming initialisation with a = sqrt 5), B is
// zero, so the model computes the bits it did before.
func (m *Model) AddLoRA(l LoRA, modules []Module, seed uint64) error {
	if m.lora != nil {
		return errors.New("lora: the model must have no adapters yet (it has them)")
	}
	if err := l.Validate(); err != nil {
		return err
	}
	m.lora = newAdapters(l, modules)
	m.placeAdapters()
	m.dropGrads()
	for i, a := range m.lora.list {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		bound := 1 / math.Sqrt(float64(a.a.K))
		row := make([]float32, a.a.K*a.a.N)
		for i := range row {
			row[i] = float32((2*rng.Float64() - 1) * bound)
		}
		a.a.Set(row, false)
	}
	return nil
}

// newAdapters makes adapters on the modules, all zero.
func newAdapters(l LoRA, modules []Module) *adapters {
	set := &adapters{spec: l, of: map[*Param][]*adapter{}}
	size := 0
	add := func(name string, k, n int) *Param {
		p := &Param{Name: name, K: k, N: n, Packed: true, off: size}
		size += kernel.PackedLen(k, n) // a multiple of 32
		set.params = append(set.params, p)
		return p
	}
	for _, t := range modules {
		a := &adapter{base: t.Weight, from: t.From, to: t.To}
		a.a = add(t.Name+".lora_A.weight", t.Weight.K, l.Rank)
		a.b = add(t.Name+".lora_B.weight", l.Rank, t.To-t.From)
		set.list = append(set.list, a)
		set.of[t.Weight] = append(set.of[t.Weight], a)
	}
	set.value = make([]float32, size)
	set.slice()
	return set
}

// slice points the parameters into the arenas.
func (s *adapters) slice() {
	for _, p := range s.params {
		end := p.off + kernel.PackedLen(p.K, p.N)
		p.Value = s.value[p.off:end]
		if s.grad != nil {
			p.Grad = s.grad[p.off:end]
		}
	}
}

// dropGrads forgets the gradients of the frozen weights.
func (m *Model) dropGrads() {
	m.grad = nil
	for _, p := range m.params {
		p.Grad = nil
	}
}

// LoRAParams returns the adapters' parameters, A and B of each module in turn; nil
// without adapters.
func (m *Model) LoRAParams() []*Param {
	if m.lora == nil {
		return nil
	}
	return m.lora.params
}

// Frozen returns the model as it is now, to be compared with later: a reference
// that is never trained, without value head. A model with adapters shares its
// frozen weights with it and copies only the adapters, if they do anything yet;
// one without is cloned. Both have work space together: one goroutine uses them.
func (m *Model) Frozen() *Model {
	if m.lora == nil {
		f := m.Clone()
		f.room = m.room
		return f
	}
	f := *m
	f.vhead = nil
	f.lora = m.lora.clone()
	if f.lora.idle() {
		f.lora = nil
	}
	return &f
}

// idle says that every B is zero.
func (s *adapters) idle() bool {
	for _, a := range s.list {
		for _, v := range a.b.Value {
			if v != 0 {
				return false
			}
		}
	}
	return true
}

// clone copies the adapters on the same base parameters, without gradients.
func (s *adapters) clone() *adapters {
	if s == nil {
		return nil
	}
	return s.onto(func(p *Param) *Param { return p })
}

// onto copies the adapters on the parameters that at gives for those of s.
func (s *adapters) onto(at func(*Param) *Param) *adapters {
	c := &adapters{spec: s.spec, of: map[*Param][]*adapter{}, value: slices.Clone(s.value)}
	for _, old := range s.list {
		a := *old
		pa, pb := *old.a, *old.b
		pa.Grad, pb.Grad = nil, nil
		a.a, a.b, a.base = &pa, &pb, at(old.base)
		c.params = append(c.params, a.a, a.b)
		c.list = append(c.list, &a)
		c.of[a.base] = append(c.of[a.base], &a)
	}
	c.slice()
	return c
}

// DropLoRA removes the adapters: the model is its base again.
func (m *Model) DropLoRA() { m.lora = nil }

// Merge adds the adapters to the weights and removes them: W += Scale*A*B. What
// the model computes changes by rounding only.
func (m *Model) Merge() {
	if m.lora == nil {
		return
	}
	rank, scale := m.lora.spec.Rank, float32(m.lora.spec.Scale())
	for _, a := range m.lora.list {
		K, n := a.base.K, a.to-a.from
		left, product, whole := make([]float32, K*rank), make([]float32, K*n), make([]float32, K*a.base.N)
		a.a.Get(left, false)
		kernel.MatMul(m.Pool, kernel.View(product, n), kernel.View(left, rank), K, a.b.matrix(), kernel.Epilogue{})
		kernel.Scale(product, scale)
		a.base.Get(whole, false)
		for k := range K {
			kernel.Add(whole[k*a.base.N+a.from:][:n], product[k*n:][:n])
		}
		a.base.Set(whole, false)
	}
	m.lora = nil
}
