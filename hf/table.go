package hf

import (
	"fmt"
	"regexp"
	"strings"

	"pgsrm/lm"
)

// tensorMap says which part of which parameter one tensor of a Hugging Face
// folder is. The one table of a model (see tensorTable) yields reading, writing,
// the modules of adapters and the labels of gradients.
type tensorMap struct {
	name       string // in the folder, without the prefix of the family
	shape      []int  // in the folder
	param      *lm.Param
	transposed bool // the folder has a matrix as [N][K]
	from, to   int  // range of the N outputs that the tensor holds
	paired     int  // head size where the rows are paired, as in GGUF files of llama; 0 = in our order
}

// row is which of our rows row r of the tensor is. In a paired tensor each head has
// the rows of its two halves, which rotary positions turn together, one after the other.
func (t *tensorMap) row(r int) int {
	if t.paired == 0 {
		return r
	}
	i := r % t.paired
	return r - i + i%2*(t.paired/2) + i/2
}

// naming is how a family names its tensors.
type naming struct {
	prefix  string         // of all names but the head's, as transformers writes them
	ignored *regexp.Regexp // buffers and heads for other tasks, without prefix
	old     *strings.Replacer
}

// namings of the families. GPT-2's attn.bias is the causal mask, BERT's pooler
// and cls are heads that an encoder does not use, inv_freq is a table of Llama's.
var namings = map[string]naming{
	"gpt2": {"transformer.", regexp.MustCompile(`^h\.\d+\.attn\.(bias|masked_bias)$`), strings.NewReplacer()},
	"bert": {"bert.", regexp.MustCompile(`^(pooler\..*|cls\..*|embeddings\.position_ids)$`),
		strings.NewReplacer("LayerNorm.gamma", "LayerNorm.weight", "LayerNorm.beta", "LayerNorm.bias")},
	"llama": {"model.", regexp.MustCompile(`^layers\.\d+\.self_attn\.rotary_emb\.inv_freq$`), strings.NewReplacer()},
}

// namingOf returns the names of a family; those of Llama's kind are alike.
func namingOf(family string) naming {
	if n, ok := namings[family]; ok {
		return n
	}
	return namings["llama"]
}

// headName is the output layer, which has no prefix.
const headName = "lm_head.weight"

// fullName is the name in a folder that transformers writes.
func (n naming) fullName(name string) string {
	if name == headName {
		return name
	}
	return n.prefix + name
}

// tensorTable is the table of the model's family, in the order of its Params.
func tensorTable(m *lm.Model) []tensorMap {
	b := &tableBuilder{config: m.Config, params: map[string]*lm.Param{}}
	for _, p := range m.Params() {
		b.params[p.Name] = p
	}
	switch m.Config.Family {
	case "gpt2":
		b.gpt2()
	case "bert":
		b.bert()
	default:
		b.llama()
	}
	if !m.Config.Tied {
		b.matrix(headName, "head.weight")
	}
	return b.table
}

// tableBuilder collects the table. Each of its methods takes the name in the folder
// and ours; a parameter that the configuration does not have is left out.
type tableBuilder struct {
	config lm.Config
	params map[string]*lm.Param // by name
	table  []tensorMap
}

// whole adds a tensor in our orientation, [K][N] or [N].
func (b *tableBuilder) whole(name, ours string) {
	p := b.params[ours]
	if p == nil {
		return
	}
	shape := []int{p.K, p.N}
	if p.K == 1 && !p.Packed {
		shape = []int{p.N}
	}
	b.table = append(b.table, tensorMap{name, shape, p, false, 0, p.N, 0})
}

// matrix adds a tensor that the folder has as [N][K], as nn.Linear keeps it.
func (b *tableBuilder) matrix(name, ours string) {
	if p := b.params[ours]; p != nil {
		b.table = append(b.table, tensorMap{name, []int{p.N, p.K}, p, true, 0, p.N, 0})
	}
}

// embedding adds a table of vectors, [rows][D] in the folder; tied to the head ours
// is packed and transposed.
func (b *tableBuilder) embedding(name, ours string) {
	switch p := b.params[ours]; {
	case p == nil:
	case p.Packed:
		b.matrix(name, ours)
	default:
		b.table = append(b.table, tensorMap{name, []int{p.K, p.N}, p, false, 0, p.N, 0})
	}
}

// conv1D adds a linear layer with its bias, [in][out] in the folder as ours is.
func (b *tableBuilder) conv1D(name, ours string) {
	b.whole(name+".weight", ours+".weight")
	b.whole(name+".bias", ours+".bias")
}

// linear adds an nn.Linear with its bias.
func (b *tableBuilder) linear(name, ours string) {
	b.matrix(name+".weight", ours+".weight")
	b.whole(name+".bias", ours+".bias")
}

// norm adds a normalisation.
func (b *tableBuilder) norm(name, ours string) {
	b.whole(name+".weight", ours+".weight")
	b.whole(name+".bias", ours+".bias")
}

// qkv adds the three linear layers whose outputs lie side by side in ours.
func (b *tableBuilder) qkv(names [3]string, ours string) {
	q, kv := b.config.Heads*b.config.HeadDim, b.config.KVHeads*b.config.HeadDim
	ends := [4]int{0, q, q + kv, q + 2*kv}
	weight, bias := b.params[ours+".weight"], b.params[ours+".bias"]
	for i, name := range names {
		from, to := ends[i], ends[i+1]
		b.table = append(b.table, tensorMap{name + ".weight", []int{to - from, weight.K}, weight, true, from, to, 0})
	}
	if bias == nil {
		return
	}
	for i, name := range names {
		from, to := ends[i], ends[i+1]
		b.table = append(b.table, tensorMap{name + ".bias", []int{to - from}, bias, false, from, to, 0})
	}
}

// gpt2 is transformers' GPT2Model, whose Conv1D matrices are [in][out] like ours.
func (b *tableBuilder) gpt2() {
	b.embedding("wte.weight", "embed.tokens")
	b.embedding("wpe.weight", "embed.positions")
	for i := range b.config.Layers {
		h, l := fmt.Sprintf("h.%d.", i), fmt.Sprintf("layers.%d.", i)
		b.norm(h+"ln_1", l+"norm1")
		b.conv1D(h+"attn.c_attn", l+"attn.qkv")
		b.conv1D(h+"attn.c_proj", l+"attn.out")
		b.norm(h+"ln_2", l+"norm2")
		b.conv1D(h+"mlp.c_fc", l+"mlp.up")
		b.conv1D(h+"mlp.c_proj", l+"mlp.down")
	}
	b.norm("ln_f", "norm")
}

// bert is transformers' BertModel.
func (b *tableBuilder) bert() {
	b.embedding("embeddings.word_embeddings.weight", "embed.tokens")
	b.embedding("embeddings.position_embeddings.weight", "embed.positions")
	b.embedding("embeddings.token_type_embeddings.weight", "embed.types")
	b.norm("embeddings.LayerNorm", "embed.norm")
	for i := range b.config.Layers {
		h, l := fmt.Sprintf("encoder.layer.%d.", i), fmt.Sprintf("layers.%d.", i)
		s := h + "attention.self."
		b.qkv([3]string{s + "query", s + "key", s + "value"}, l+"attn.qkv")
		b.linear(h+"attention.output.dense", l+"attn.out")
		b.norm(h+"attention.output.LayerNorm", l+"norm1")
		b.linear(h+"intermediate.dense", l+"mlp.up")
		b.linear(h+"output.dense", l+"mlp.down")
		b.norm(h+"output.LayerNorm", l+"norm2")
	}
}

// llama is transformers' LlamaModel, and those of Mistral, Qwen2 and Qwen3.
func (b *tableBuilder) llama() {
	b.embedding("embed_tokens.weight", "embed.tokens")
	for i := range b.config.Layers {
		h, l := fmt.Sprintf("layers.%d.", i), fmt.Sprintf("layers.%d.", i)
		s := h + "self_attn."
		b.norm(h+"input_layernorm", l+"norm1")
		b.qkv([3]string{s + "q_proj", s + "k_proj", s + "v_proj"}, l+"attn.qkv")
		b.whole(s+"q_norm.weight", l+"attn.qnorm.weight")
		b.whole(s+"k_norm.weight", l+"attn.knorm.weight")
		b.linear(s+"o_proj", l+"attn.out")
		b.norm(h+"post_attention_layernorm", l+"norm2")
		b.linear(h+"mlp.gate_proj", l+"mlp.gate")
		b.linear(h+"mlp.up_proj", l+"mlp.up")
		b.linear(h+"mlp.down_proj", l+"mlp.down")
	}
	b.norm("norm", "norm")
}
