package lm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"pgsrm/kernel"
)

// AllLinear as the only target stands for every linear layer of the blocks.
const AllLinear = "all-linear"

// LoRA describes low-rank adapters (Hu et al. 2021, arXiv 2106.09685): a matrix
// W [K][N] of the frozen model acts as W + Scale*A*B with A [K][Rank] and
// B [Rank][N]. The names are those of Hugging Face's PEFT.
type LoRA struct {
	Rank    int
	Alpha   float64
	RSLoRA  bool     // scale by alpha/sqrt(rank) (Kalajdzievski 2023, arXiv 2312.03732)
	Targets []string // modules: "c_attn", "q_proj", "attn.c_proj", a whole name, or AllLinear alone
	Pattern string   // instead of Targets, from an adapter of PEFT: a regular expression for the whole name
	Dropout float64  // that PEFT trained a loaded adapter with; the engine has none, see Trainable

	// Base and Revision name the model that the adapters belong to, for their
	// folder; a revision only of a model of the hub.
	Base, Revision string
}

// Scale is the factor of A*B: alpha/rank, with RSLoRA alpha/sqrt(rank).
func (l LoRA) Scale() float64 {
	if l.RSLoRA {
		return l.Alpha / math.Sqrt(float64(l.Rank))
	}
	return l.Alpha / float64(l.Rank)
}

// Validate reports the first field that no adapter can have. The targets are
// checked by Model.AddLoRA, which knows the modules.
func (l LoRA) Validate() error {
	switch {
	case l.Rank < 1 || l.Rank > 1<<12:
		return fmt.Errorf("lora: rank must be in 1..%d (got %d)", 1<<12, l.Rank)
	case !(l.Alpha > 0) || math.IsInf(l.Alpha, 0):
		return fmt.Errorf("lora: alpha must be a finite number above 0 (got %v)", l.Alpha)
	case !(l.Dropout >= 0 && l.Dropout < 1):
		return fmt.Errorf("lora: dropout must be at least 0 and below 1 (got %v)", l.Dropout)
	}
	return nil
}

// adapter is one A*B on a range of a matrix's outputs: queries, keys and values
// lie side by side in one matrix of ours and are modules of their own in a folder.
type adapter struct {
	module   string // full name, "model.layers.0.self_attn.q_proj"
	base     *Param
	from, to int    // outputs of base that it changes
	a, b     *Param // [K][rank], [rank][to-from]
}

// adapters are those of a model, with their own arenas.
type adapters struct {
	spec   LoRA
	list   []*adapter
	of     map[*Param][]*adapter
	params []*Param  // A and B of each adapter in turn
	value  []float32 // arena of all values
	grad   []float32 // arena of all gradients, nil until training
	digest string    // of the frozen weights, once it was asked for
	low    []float32 // [R][rank] work space: scale * x*A
	dlow   []float32 // [R][rank] and its gradient
}

// AddLoRA puts fresh adapters on the target modules and freezes everything else
// but the value head: only the adapters have gradients and moments. A is uniform
// in +-1/sqrt(K) from the seed (PEFT's Kaiming initialisation with a = sqrt 5), B
// is zero, so the model computes the bits it did before. It is an error if the
// model has adapters or if a target is no linear layer of a block.
func (m *Model) AddLoRA(l LoRA, seed uint64) error {
	if err := m.attach(l, true); err != nil {
		return err
	}
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

// attach declares the adapters, all zero. With each set every target must name a
// module; PEFT allows lists that serve several families, so a file may have more.
func (m *Model) attach(l LoRA, each bool) error {
	if m.lora != nil {
		return fmt.Errorf("lora: the model must have no adapters yet (it has them on %s)", m.lora.spec.targetText())
	}
	if err := l.Validate(); err != nil {
		return err
	}
	chosen, l, err := m.targeted(l, each)
	if err != nil {
		return err
	}
	set := &adapters{spec: l, of: map[*Param][]*adapter{}}
	size := 0
	add := func(name string, k, n int) *Param {
		p := &Param{Name: name, K: k, N: n, Packed: true, off: size}
		size += kernel.PackedLen(k, n) // a multiple of 32
		set.params = append(set.params, p)
		return p
	}
	for _, t := range chosen {
		name := namingOf(m.Config.Family).module(t)
		a := &adapter{module: name, base: t.param, from: t.from, to: t.to}
		a.a = add(name+".lora_A.weight", t.param.K, l.Rank)
		a.b = add(name+".lora_B.weight", l.Rank, t.to-t.from)
		set.list = append(set.list, a)
		set.of[t.param] = append(set.of[t.param], a)
	}
	set.value = make([]float32, size)
	set.slice()
	m.lora = set
	m.dropGrads()
	return nil
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

// module is the full name of the module that a weight belongs to.
func (n naming) module(t tensorMap) string { return strings.TrimSuffix(n.fullName(t.name), ".weight") }

// linearModules are the linear layers of the blocks, in the order of Params.
func (m *Model) linearModules() []tensorMap {
	var out []tensorMap
	for _, t := range m.tensorMaps() {
		if t.param.Packed && t.param != m.tokens && t.param != m.head {
			out = append(out, t)
		}
	}
	return out
}

// targeted finds the modules that the adapters go to, and returns l with the
// targets as PEFT writes them: sorted, AllLinear spelled out.
func (m *Model) targeted(l LoRA, each bool) ([]tensorMap, LoRA, error) {
	all, n := m.linearModules(), namingOf(m.Config.Family)
	var short []string // the last parts of the names
	for _, t := range all {
		name := n.module(t)
		short = append(short, name[strings.LastIndexByte(name, '.')+1:])
	}
	slices.Sort(short)
	short = slices.Compact(short)
	if slices.Equal(l.Targets, []string{AllLinear}) {
		l.Targets = short
	}
	match, err := l.matcher()
	if err != nil {
		return nil, l, err
	}
	var chosen []tensorMap
	used := map[string]bool{}
	for _, t := range all {
		if by := match(n.module(t)); by != "" {
			chosen = append(chosen, t)
			used[by] = true
		}
	}
	for _, target := range l.Targets {
		if each && !used[target] {
			return nil, l, fmt.Errorf("lora: target must be %s or one of %s (got %q)", AllLinear, strings.Join(short, ", "), target)
		}
	}
	if len(chosen) == 0 {
		return nil, l, fmt.Errorf("lora: targets must name at least one of %s (got %s)", strings.Join(short, ", "), l.targetText())
	}
	l.Targets = slices.Clone(l.Targets)
	slices.Sort(l.Targets)
	l.Targets = slices.Compact(l.Targets)
	return chosen, l, nil
}

// matcher returns which target, if any, names a module: by PEFT's rule the whole
// name or the end of it behind a dot.
func (l LoRA) matcher() (func(module string) string, error) {
	if l.Pattern == "" {
		return func(module string) string {
			for _, t := range l.Targets {
				if module == t || strings.HasSuffix(module, "."+t) {
					return t
				}
			}
			return ""
		}, nil
	}
	re, err := regexp.Compile(`\A(?:` + l.Pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("lora: target_modules must be a list or a regular expression of RE2's syntax (got %q): %w", l.Pattern, err)
	}
	return func(module string) string {
		if !re.MatchString(module) {
			return ""
		}
		return l.Pattern
	}, nil
}

func (l LoRA) targetText() string {
	if l.Pattern != "" {
		return l.Pattern
	}
	return strings.Join(l.Targets, ", ")
}

// LoRA returns the description of the model's adapters; ok is false without any.
func (m *Model) LoRA() (l LoRA, ok bool) {
	if m.lora == nil {
		return LoRA{}, false
	}
	return m.lora.spec, true
}

// LoRAParams returns the adapters' parameters, A and B of each module in turn,
// named as in a folder without PEFT's prefix; nil without adapters.
func (m *Model) LoRAParams() []*Param {
	if m.lora == nil {
		return nil
	}
	return m.lora.params
}

// Trainable reports why training on would not be what an adapter's file says:
// PEFT trained it with dropout, which the engine does not have.
func (m *Model) Trainable() error {
	if m.lora != nil && m.lora.spec.Dropout != 0 {
		return fmt.Errorf("lora: lora_dropout must be 0 to train the adapter on, as the engine has no dropout (got %v)", m.lora.spec.Dropout)
	}
	return nil
}

// Frozen returns the model as it is now, to be compared with later: a reference
// that is never trained, without value head. A model with adapters shares its
// frozen weights with it and copies only the adapters, if they do anything yet;
// one without is cloned.
func (m *Model) Frozen() *Model {
	if m.lora == nil {
		return m.Clone()
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
	c := &adapters{spec: s.spec, digest: s.digest, of: map[*Param][]*adapter{}, value: slices.Clone(s.value)}
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
