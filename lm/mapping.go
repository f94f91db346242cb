package lm

import (
	"fmt"
	"regexp"
	"strings"
)

// tensorMap says which part of which parameter one tensor of a Hugging Face
// folder is. The one table of a model (see tensorMaps) yields reading, writing
// and the labels of gradients.
type tensorMap struct {
	name       string // in the folder, without the prefix of the family
	shape      []int  // in the folder
	param      *Param
	transposed bool // the folder has a matrix as [N][K]
	from, to   int  // range of the N outputs that the tensor holds
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

// tensorMaps is the table of the model's family, in the order of Params.
func (m *Model) tensorMaps() []tensorMap {
	b := &mapBuilder{}
	switch m.Config.Family {
	case "gpt2":
		b.gpt2(m)
	case "bert":
		b.bert(m)
	default:
		b.llama(m)
	}
	if m.head != nil && !m.Config.Tied {
		b.matrix(headName, m.head)
	}
	return b.maps
}

// mapBuilder collects the table. Parameters that a configuration does not have
// are nil and left out.
type mapBuilder struct{ maps []tensorMap }

// whole adds a tensor in our orientation, [K][N] or [N].
func (b *mapBuilder) whole(name string, p *Param) {
	if p == nil {
		return
	}
	shape := []int{p.K, p.N}
	if p.K == 1 && !p.Packed {
		shape = []int{p.N}
	}
	b.maps = append(b.maps, tensorMap{name, shape, p, false, 0, p.N})
}

// matrix adds a tensor that the folder has as [N][K], as nn.Linear keeps it.
func (b *mapBuilder) matrix(name string, p *Param) {
	b.maps = append(b.maps, tensorMap{name, []int{p.N, p.K}, p, true, 0, p.N})
}

// table adds an embedding, [rows][D] in the folder; tied it is packed transposed.
func (b *mapBuilder) table(name string, p *Param) {
	switch {
	case p == nil:
	case p.Packed:
		b.matrix(name, p)
	default:
		b.maps = append(b.maps, tensorMap{name, []int{p.K, p.N}, p, false, 0, p.N})
	}
}

// linear adds an nn.Linear with its optional bias.
func (b *mapBuilder) linear(name string, weight, bias *Param) {
	b.matrix(name+".weight", weight)
	b.whole(name+".bias", bias)
}

// norm adds a normalisation.
func (b *mapBuilder) norm(name string, n norm) {
	b.whole(name+".weight", n.weight)
	b.whole(name+".bias", n.bias)
}

// fused adds the three linear layers whose outputs lie side by side in qkv.
func (b *mapBuilder) fused(names [3]string, c Config, l *layer) {
	ends := [4]int{0, c.qDim(), c.qDim() + c.kvDim(), c.qkvDim()}
	for i, name := range names {
		from, to := ends[i], ends[i+1]
		b.maps = append(b.maps, tensorMap{name + ".weight", []int{to - from, l.qkv.K}, l.qkv, true, from, to})
	}
	if l.qkvBias == nil {
		return
	}
	for i, name := range names {
		from, to := ends[i], ends[i+1]
		b.maps = append(b.maps, tensorMap{name + ".bias", []int{to - from}, l.qkvBias, false, from, to})
	}
}

// gpt2 is transformers' GPT2Model, whose Conv1D matrices are [in][out] like ours.
func (b *mapBuilder) gpt2(m *Model) {
	b.table("wte.weight", m.tokens)
	b.table("wpe.weight", m.positions)
	for i := range m.layers {
		l, h := &m.layers[i], fmt.Sprintf("h.%d.", i)
		b.norm(h+"ln_1", l.norm1)
		b.whole(h+"attn.c_attn.weight", l.qkv)
		b.whole(h+"attn.c_attn.bias", l.qkvBias)
		b.whole(h+"attn.c_proj.weight", l.out)
		b.whole(h+"attn.c_proj.bias", l.outBias)
		b.norm(h+"ln_2", l.norm2)
		b.whole(h+"mlp.c_fc.weight", l.up)
		b.whole(h+"mlp.c_fc.bias", l.upBias)
		b.whole(h+"mlp.c_proj.weight", l.down)
		b.whole(h+"mlp.c_proj.bias", l.downBias)
	}
	b.norm("ln_f", m.final)
}

// bert is transformers' BertModel.
func (b *mapBuilder) bert(m *Model) {
	b.table("embeddings.word_embeddings.weight", m.tokens)
	b.table("embeddings.position_embeddings.weight", m.positions)
	b.table("embeddings.token_type_embeddings.weight", m.types)
	b.norm("embeddings.LayerNorm", m.embedNorm)
	for i := range m.layers {
		l, h := &m.layers[i], fmt.Sprintf("encoder.layer.%d.", i)
		s := h + "attention.self."
		b.fused([3]string{s + "query", s + "key", s + "value"}, m.Config, l)
		b.linear(h+"attention.output.dense", l.out, l.outBias)
		b.norm(h+"attention.output.LayerNorm", l.norm1)
		b.linear(h+"intermediate.dense", l.up, l.upBias)
		b.linear(h+"output.dense", l.down, l.downBias)
		b.norm(h+"output.LayerNorm", l.norm2)
	}
}

// llama is transformers' LlamaModel, and those of Mistral, Qwen2 and Qwen3.
func (b *mapBuilder) llama(m *Model) {
	b.table("embed_tokens.weight", m.tokens)
	for i := range m.layers {
		l, h := &m.layers[i], fmt.Sprintf("layers.%d.", i)
		s := h + "self_attn."
		b.norm(h+"input_layernorm", l.norm1)
		b.fused([3]string{s + "q_proj", s + "k_proj", s + "v_proj"}, m.Config, l)
		b.whole(s+"q_norm.weight", l.qnorm)
		b.whole(s+"k_norm.weight", l.knorm)
		b.linear(s+"o_proj", l.out, l.outBias)
		b.norm(h+"post_attention_layernorm", l.norm2)
		b.linear(h+"mlp.gate_proj", l.gate, l.gateBias)
		b.linear(h+"mlp.up_proj", l.up, l.upBias)
		b.linear(h+"mlp.down_proj", l.down, l.downBias)
	}
	b.norm("norm", m.final)
}
