package lm

import (
	"fmt"

	"pgsrm/kernel"
)

// norm is a normalisation's weights; bias is nil for RMSNorm.
type norm struct{ weight, bias *Param }

// layer is the weights of one block.
type layer struct {
	norm1, norm2   norm
	qkv, qkvBias   *Param // D -> qkvDim
	out, outBias   *Param // qDim -> D
	qnorm, knorm   *Param // [headDim]
	up, upBias     *Param // D -> F
	gate, gateBias *Param // D -> F, gated MLP only
	down, downBias *Param // F -> D
}

// Model is a transformer with its weights and, when trained, their gradients.
// A Model is not safe for concurrent use.
type Model struct {
	Config Config
	Pool   *kernel.Pool // threads; nil = the caller's alone

	// Recompute is activation checkpointing (Chen et al. 2016): new States with training keep of each
	// block only its input and its queries, keys and values; Backward computes the rest again, to the
	// same bits: D+qkvDim numbers a row and block instead of 2*D+qkvDim+qDim+F and more, for less than
	// half of another forward.
	Recompute bool

	params []*Param
	size   int       // of an arena
	value  []float32 // arena of all values
	grad   []float32 // arena of all gradients, nil until training

	tokens, positions, types *Param // embeddings
	embedNorm                norm   // BERT
	layers                   []layer
	final                    norm
	head                     *Param // D -> V; the packed token embedding itself when tied

	lora  *adapters // nil without; else all other weights are frozen
	vhead *valueHead
	rope  ropeTable
	room  *shared
}

// New returns a model with all weights zero.
func New(cfg Config) (*Model, error) {
	m, err := Declare(cfg)
	if err != nil {
		return nil, err
	}
	m.Allocate()
	return m, nil
}

// Declare returns a model whose parameters have names and shapes but no values,
// so that these can be compared with a file before anything is allocated. Allocate
// makes it one that can compute.
func Declare(cfg Config) (*Model, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Model{Config: cfg, room: &shared{}}
	m.declare()
	return m, nil
}

// declare lays the parameter table out: the one place where names, shapes and
// the order of the arenas are decided. Nothing is allocated for the values.
func (m *Model) declare() {
	c := m.Config
	var size int
	add := func(name string, k, n int, packed bool) *Param {
		p := &Param{Name: name, K: k, N: n, Packed: packed, off: size}
		length := k * n
		if packed {
			length = kernel.PackedLen(k, n)
		}
		size += (length + 15) &^ 15
		m.params = append(m.params, p)
		return p
	}
	matrix := func(name string, k, n int) *Param { return add(name+".weight", k, n, true) }
	vector := func(on bool, name string, n int) *Param {
		if !on {
			return nil
		}
		return add(name, 1, n, false)
	}
	normOf := func(on bool, name string) norm {
		return norm{vector(on, name+".weight", c.Width), vector(on && c.Norm == LayerNorm, name+".bias", c.Width)}
	}
	if c.Tied {
		m.tokens = add("embed.tokens", c.Width, c.Vocab, true) // transposed and packed: also the head
		m.head = m.tokens
	} else {
		m.tokens = add("embed.tokens", c.Vocab, c.Width, false)
	}
	if !c.Rope.on() {
		m.positions = add("embed.positions", c.Positions, c.Width, false)
	}
	if c.Types > 0 {
		m.types = add("embed.types", c.Types, c.Width, false)
	}
	m.embedNorm = normOf(c.PostNorm, "embed.norm")
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		l, p := &m.layers[i], fmt.Sprintf("layers.%d.", i)
		l.norm1 = normOf(true, p+"norm1")
		l.qkv = matrix(p+"attn.qkv", c.Width, c.qkvDim())
		l.qkvBias = vector(c.QKVBias, p+"attn.qkv.bias", c.qkvDim())
		l.qnorm = vector(c.QKNorm, p+"attn.qnorm.weight", c.HeadDim)
		l.knorm = vector(c.QKNorm, p+"attn.knorm.weight", c.HeadDim)
		l.out = matrix(p+"attn.out", c.qDim(), c.Width)
		l.outBias = vector(c.OutBias, p+"attn.out.bias", c.Width)
		l.norm2 = normOf(true, p+"norm2")
		if c.Gated {
			l.gate = matrix(p+"mlp.gate", c.Width, c.FF)
			l.gateBias = vector(c.MLPBias, p+"mlp.gate.bias", c.FF)
		}
		l.up = matrix(p+"mlp.up", c.Width, c.FF)
		l.upBias = vector(c.MLPBias, p+"mlp.up.bias", c.FF)
		l.down = matrix(p+"mlp.down", c.FF, c.Width)
		l.downBias = vector(c.MLPBias, p+"mlp.down.bias", c.Width)
	}
	m.final = normOf(!c.PostNorm, "norm")
	if !c.Tied && !c.NoHead {
		m.head = add("head.weight", c.Width, c.Vocab, true)
	}
	m.size = size
}

// Allocate makes the values of all declared parameters, zero.
func (m *Model) Allocate() {
	m.value = kernel.Floats(m.size)
	for i, p := range m.params {
		p.Value = m.value[p.off:m.end(i)]
	}
}

// end is the arena offset after parameter i.
func (m *Model) end(i int) int {
	p := m.params[i]
	if p.Packed {
		return p.off + kernel.PackedLen(p.K, p.N)
	}
	return p.off + p.K*p.N
}

// Params returns the parameters in a fixed order, the value head not included.
func (m *Model) Params() []*Param { return m.params }

// NumParams is the number of weights, padding and value head not counted.
func (m *Model) NumParams() int {
	var n int
	for _, p := range m.params {
		n += p.K * p.N
	}
	return n
}

// ensureGrads allocates the gradients of what is trained on first use.
func (m *Model) ensureGrads() {
	if s := m.lora; s != nil {
		if s.grad == nil {
			s.grad = kernel.Floats(len(s.value))
			s.slice()
		}
		return
	}
	if m.grad != nil {
		return
	}
	m.grad = kernel.Floats(len(m.value))
	for i, p := range m.params {
		p.Grad = m.grad[p.off:m.end(i)]
	}
}

// Clone returns an independent copy of the weights and adapters, without
// gradients and without value head.
func (m *Model) Clone() *Model {
	c := &Model{Config: m.Config, Pool: m.Pool, room: &shared{}}
	c.declare()
	c.Allocate()
	copy(c.value, m.value)
	if m.lora != nil {
		at := map[*Param]*Param{}
		for i, p := range m.params {
			at[p] = c.params[i]
		}
		c.lora = m.lora.onto(func(p *Param) *Param { return at[p] })
	}
	return c
}
