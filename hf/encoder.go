package hf

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"

	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// Encoder turns texts into vectors with a BERT-like model, as the library
// sentence-transformers does with the same folder. Not safe for concurrent use.
type Encoder struct {
	model     *lm.Model
	tok       *tokenizer.Tokenizer
	recipe    encoderRecipe
	head      int // special tokens before the text
	tail      int // special tokens after it
	truncated int
	digest    string
	warning   string
	state     *lm.State
}

// LoadEncoder reads a sentence-transformers folder, or a plain folder of a BERT
// model (mean pooling then, as sentence-transformers does).
func LoadEncoder(dir string) (*Encoder, error) {
	e, err := loadEncoderFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return e, nil
}

// loadEncoderFS is LoadEncoder for a folder in a file system.
func loadEncoderFS(fsys fs.FS) (*Encoder, error) {
	e, err := loadEncoder(fsys)
	if err != nil {
		return nil, fmt.Errorf("load encoder: %w", err)
	}
	return e, nil
}

func loadEncoder(fsys fs.FS) (*Encoder, error) {
	m, err := loadFolder(fsys, false)
	if err != nil {
		return nil, err
	}
	if m.Config.Causal {
		return nil, fmt.Errorf("config.json: model_type must be that of an encoder (got %q)", m.Config.Family)
	}
	recipe, err := readRecipe(fsys, m.Config)
	if err != nil {
		return nil, err
	}
	e := &Encoder{model: m.Model, tok: m.Tokenizer, recipe: recipe, state: m.NewState(false), warning: m.Warning()}
	e.head, e.tail = specialsAround(m.Tokenizer)
	if recipe.maxTokens <= e.head+e.tail {
		return nil, fmt.Errorf("max_seq_length must exceed the %d special tokens (got %d)", e.head+e.tail, recipe.maxTokens)
	}
	if e.digest, err = digestFS(fsys); err != nil {
		return nil, err
	}
	return e, nil
}

// specialsAround counts the tokens that the post-processor puts before and
// after a text: those of the empty text, up to where a text would stand.
func specialsAround(tok *tokenizer.Tokenizer) (head, tail int) {
	none, one := tok.EncodeSpecial(""), tok.EncodeSpecial("a")
	for head < len(none) && head < len(one) && none[head] == one[head] {
		head++
	}
	return head, len(none) - head
}

// Dim is the length of a vector (E).
func (e *Encoder) Dim() int { return e.model.Config.Width }

// Digest is that of the folder: two encoders with one digest give the same vectors.
func (e *Encoder) Digest() string { return e.digest }

// Warning is that of the folder: see Model.Warning.
func (e *Encoder) Warning() string { return e.warning }

// Pooling is how token vectors become one: "mean" or "cls".
func (e *Encoder) Pooling() string { return e.recipe.pooling }

// Normalized says whether vectors have unit length.
func (e *Encoder) Normalized() bool { return e.recipe.normalize }

// Template is the text that is put before every text; usually empty.
func (e *Encoder) Template() string { return e.recipe.prompt }

// UsePrompt puts the prompt of that name, as the folder has it, before every text.
func (e *Encoder) UsePrompt(name string) error {
	prompt, ok := e.recipe.prompts[name]
	if !ok {
		return fmt.Errorf("%s: prompt must be one of %q (got %q)", promptsFile, slices.Sorted(maps.Keys(e.recipe.prompts)), name)
	}
	e.recipe.prompt = prompt
	return nil
}

// UseTemplate puts that text before every text, in the place of the folder's prompt.
func (e *Encoder) UseTemplate(prefix string) { e.recipe.prompt = prefix }

// Tokens is the number of tokens of a text, special ones and prompt included, before
// anything is cut.
func (e *Encoder) Tokens(text string) int { return len(e.encode(text)) }

// MaxTokens is the number of tokens, special ones included, after which a text is cut.
func (e *Encoder) MaxTokens() int { return e.recipe.maxTokens }

// Truncated is the number of texts that have been cut so far.
func (e *Encoder) Truncated() int { return e.truncated }

// SetPool sets the threads to compute on; nil = the caller's alone.
func (e *Encoder) SetPool(p *kernel.Pool) { e.model.Pool = p }

// encodeRows is about how many tokens are computed at a time.
const encodeRows = 2048

// Encode returns the vectors of the texts, in order. [len(texts)][Dim] The vector
// of a text does not depend on the texts beside it.
func (e *Encoder) Encode(texts []string) ([][]float32, error) {
	vectors := make([][]float32, 0, len(texts))
	var pending [][]int32 // rows of the texts in the State
	flush := func() {
		e.model.Forward(e.state)
		for _, rows := range pending {
			vectors = append(vectors, e.pool(rows))
		}
		e.state.Reset()
		pending = pending[:0]
	}
	for i, text := range texts {
		ids := e.tokens(text)
		if len(ids) == 0 {
			return nil, fmt.Errorf("encode: text %d must have a token (got %q)", i, text)
		}
		if len(pending) > 0 && e.state.Rows()+len(ids) > encodeRows {
			flush()
		}
		pending = append(pending, e.state.AddBidirectional(ids))
	}
	flush()
	return vectors, nil
}

// encode are the ids of a text with its prompt.
func (e *Encoder) encode(text string) []int32 {
	return e.tok.EncodeSpecial(e.recipe.prompt + text)
}

// tokens are the ids of a text, cut to maxTokens before the special tokens are
// put around, as the library tokenizers does.
func (e *Encoder) tokens(text string) []int32 {
	ids := e.encode(text)
	if over := len(ids) - e.recipe.maxTokens; over > 0 {
		e.truncated++
		end := len(ids) - e.tail
		ids = append(ids[:end-over], ids[end:]...)
	}
	return ids
}

// pool makes one vector of the hidden states of rows.
func (e *Encoder) pool(rows []int32) []float32 {
	sum := make([]float64, e.Dim())
	if e.recipe.pooling == poolCLS {
		rows = rows[:1]
	}
	for _, r := range rows {
		for i, v := range e.state.Hidden(r) {
			sum[i] += float64(v)
		}
	}
	scale := 1 / float64(len(rows))
	if e.recipe.normalize {
		scale = 1 / max(norm2(sum), 1e-12*float64(len(rows)))
	}
	out := make([]float32, len(sum))
	for i, v := range sum {
		out[i] = float32(v * scale)
	}
	return out
}

// norm2 is the Euclidean length.
func norm2(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}
