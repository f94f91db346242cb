package lm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/kernel"
)

// Norm and activation names of a Config.
const (
	LayerNorm = "layernorm"
	RMSNorm   = "rmsnorm"

	GELUTanh = "gelu_tanh" // GPT-2's gelu_new
	GELUErf  = "gelu"      // BERT's
	SiLU     = "silu"      // Llama's, in a gated MLP
)

// Config describes a model. One block serves all families; what differs between
// them is data here.
type Config struct {
	Family    string // "gpt2", "bert", "llama", "mistral", "qwen2", "qwen3"
	Layers    int    // L
	Width     int    // D
	Heads     int    // H
	KVHeads   int    // heads of keys and values; 0 = Heads
	HeadDim   int    // 0 = Width/Heads
	FF        int    // F, width of the MLP; 0 = 4*Width
	Vocab     int    // V
	Positions int    // longest context
	Types     int    // token types (BERT); 0 = none

	Norm     string  // LayerNorm or RMSNorm
	NormEps  float64 // added to the variance
	PostNorm bool    // norms behind the residual sums (BERT) instead of before the sublayers
	Act      string  // activation of the MLP
	Gated    bool    // MLP is down(act(gate(x)) * up(x))
	Causal   bool    // a token sees its predecessors only
	Tied     bool    // the head is the transposed token embedding
	NoHead   bool    // encoder: no output layer
	QKVBias  bool
	OutBias  bool
	MLPBias  bool
	QKNorm   bool // RMSNorm of each head's query and key (Qwen3)

	Rope RopeConfig // rotary positions; zero = learned positions

	BOS, EOS  int32   // special tokens, -1 if none; EOS is the one that answers are taught to end with
	EndTokens []int32 // where several tokens end a response: all of them, EOS among them; else nil
}

// GPT2 returns the configuration of a GPT-2 of the given size.
func GPT2(layers, width, heads, vocab, positions int) Config {
	return Config{
		Family: "gpt2", Layers: layers, Width: width, Heads: heads, Vocab: vocab, Positions: positions,
		Norm: LayerNorm, NormEps: 1e-5, Act: GELUTanh, Causal: true, Tied: true,
		QKVBias: true, OutBias: true, MLPBias: true, BOS: -1, EOS: -1,
	}.WithDefaults()
}

// WithDefaults fills in the fields whose zero value means "derived".
func (c Config) WithDefaults() Config {
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.HeadDim == 0 && c.Heads > 0 {
		c.HeadDim = c.Width / c.Heads
	}
	if c.FF == 0 {
		c.FF = 4 * c.Width
	}
	return c
}

// maxPositions is the longest context that a model may have.
const maxPositions = 1 << 22

// Validate reports the first field that no model can have.
func (c Config) Validate() error {
	for _, f := range []struct {
		name     string
		v, atMax int
	}{
		{"layers", c.Layers, 1 << 10}, {"width", c.Width, 1 << 16}, {"heads", c.Heads, 1 << 10},
		{"key/value heads", c.KVHeads, 1 << 10}, {"head size", c.HeadDim, 1 << 12},
		{"mlp width", c.FF, 1 << 18}, {"vocabulary", c.Vocab, 1 << 22}, {"positions", c.Positions, maxPositions},
	} {
		if f.v < 1 || f.v > f.atMax {
			return fmt.Errorf("model config: %s must be in 1..%d (got %d)", f.name, f.atMax, f.v)
		}
	}
	if fused := c.Family == "gpt2" || c.Family == "bert"; fused && c.Width != c.Heads*c.HeadDim {
		return fmt.Errorf("model config: width must be a multiple of heads (got %d and %d)", c.Width, c.Heads)
	}
	if c.Heads%c.KVHeads != 0 {
		return fmt.Errorf("model config: heads must be a multiple of key/value heads (got %d and %d)", c.Heads, c.KVHeads)
	}
	if c.Rope.on() && c.HeadDim%2 != 0 {
		return fmt.Errorf("model config: head size must be even with rotary positions (got %d)", c.HeadDim)
	}
	return nil
}

// qDim, kvDim and qkvDim are the widths of the fused query/key/value rows.
func (c Config) qDim() int   { return c.Heads * c.HeadDim }
func (c Config) kvDim() int  { return c.KVHeads * c.HeadDim }
func (c Config) qkvDim() int { return c.qDim() + 2*c.kvDim() }

// EndsWith says whether the token ends a response.
func (c Config) EndsWith(token int32) bool {
	return token == c.EOS && token >= 0 || slices.Contains(c.EndTokens, token)
}

// Param is one named parameter. A matrix is kept in kernel's panel layout,
// padding included, so Value may be longer than K*N.
type Param struct {
	Name   string
	K, N   int       // a matrix of K inputs and N outputs; a vector has K = 1
	Packed bool      // Value and Grad are in kernel.Pack's layout
	Value  []float32 // [PackedLen(K,N)] or [K*N]
	Grad   []float32 // same layout; nil until the model is trained
	off    int       // offset in the arenas of the model
	stale  bool      // Grad is to be read as zero, whatever it holds: the next product overwrites it
}

// Get copies the parameter to dst, row-major [K][N], or [N][K] if transposed.
func (p *Param) Get(dst []float32, transposed bool) { p.unpack(dst, p.Value, transposed) }

// GetGrad is Get for the gradient.
func (p *Param) GetGrad(dst []float32, transposed bool) {
	p.settle()
	p.unpack(dst, p.Grad, transposed)
}

// addProduct adds x^T*dy to the gradient. x [n][K], dy [n][N]
func (p *Param) addProduct(pool *kernel.Pool, x, dy []float32, n int) {
	kernel.MatMulGrad(pool, p.gradient(), kernel.View(x, p.K), kernel.View(dy, p.N), n, !p.stale)
	p.stale = false
}

// matrix is the value of a packed parameter as kernel takes it, gradient its gradient.
func (p *Param) matrix() kernel.Packed   { return kernel.Packed{Data: p.Value, K: p.K, N: p.N} }
func (p *Param) gradient() kernel.Packed { return kernel.Packed{Data: p.Grad, K: p.K, N: p.N} }

// settle makes a stale gradient zero.
func (p *Param) settle() {
	if p.stale {
		clear(p.Grad)
		p.stale = false
	}
}

func (p *Param) unpack(dst, src []float32, transposed bool) {
	switch {
	case p.Packed && transposed:
		kernel.UnpackT(dst, src, p.K, p.N)
	case p.Packed:
		kernel.Unpack(dst, src, p.K, p.N)
	case transposed:
		transpose(dst, src, p.K, p.N)
	default:
		copy(dst, src)
	}
}

// Set copies src, row-major [K][N], or [N][K] if transposed, into the parameter.
func (p *Param) Set(src []float32, transposed bool) {
	switch {
	case p.Packed && transposed:
		kernel.PackT(p.Value, src, p.K, p.N)
	case p.Packed:
		kernel.Pack(p.Value, src, p.K, p.N)
	case transposed:
		transpose(p.Value, src, p.N, p.K)
	default:
		copy(p.Value, src)
	}
}

// transpose writes src [rows][cols] to dst [cols][rows].
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c := range cols {
			dst[c*rows+r] = src[r*cols+c]
		}
	}
}

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

	// Recompute makes new States with training keep of each block only its input and its queries, keys
	// and values; Backward computes the rest again, to the same bits: D+qkvDim numbers a
	// row and block instead of 2*D+qkvDim+qDim+F and more, for less than half of another forward.
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
	m := &Model{Config: cfg}
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

// end is the arena offset behind parameter i.
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

// NewRandom returns a model with GPT-2's initialisation from the seed: normal
// with deviation 0.02, residual projections divided by sqrt(2*layers) (Radford
// et al. 2019, section 2.3), norms one, biases zero.
func NewRandom(cfg Config, seed uint64) (*Model, error) {
	m, err := New(cfg)
	if err != nil {
		return nil, err
	}
	resid := 0.02 / math.Sqrt(2*float64(cfg.Layers))
	for i, p := range m.params {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		switch {
		case isResidualProjection(m, p):
			fillNormal(p, rng, resid)
		case p.K > 1 || p.Packed:
			fillNormal(p, rng, 0.02)
		}
	}
	m.eachNorm(func(w *Param) {
		for i := range w.Value {
			w.Value[i] = 1
		}
	})
	return m, nil
}

func isResidualProjection(m *Model, p *Param) bool {
	for i := range m.layers {
		if p == m.layers[i].out || p == m.layers[i].down {
			return true
		}
	}
	return false
}

// eachNorm calls f for the weight of every normalisation.
func (m *Model) eachNorm(f func(w *Param)) {
	visit := func(ps ...*Param) {
		for _, p := range ps {
			if p != nil {
				f(p)
			}
		}
	}
	visit(m.embedNorm.weight, m.final.weight)
	for i := range m.layers {
		l := &m.layers[i]
		visit(l.norm1.weight, l.norm2.weight, l.qnorm, l.knorm)
	}
}

func fillNormal(p *Param, rng *rand.Rand, std float64) {
	row := make([]float32, p.K*p.N)
	for i := range row {
		row[i] = float32(rng.NormFloat64() * std)
	}
	p.Set(row, false)
}

// Clone returns an independent copy of the weights and adapters, without
// gradients and without value head.
func (m *Model) Clone() *Model {
	c := &Model{Config: m.Config, Pool: m.Pool}
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
