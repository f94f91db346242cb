package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// DistillOptions are the choices of Distill.
type DistillOptions struct {
	// Contexts are short phrases with %s for the token; its vector is the mean over
	// them. A word alone is poor input for an encoder of sentences, and what a
	// phrase adds to every token is taken away by the centring.
	Contexts []string
	Dim      int     // E of the static vectors; at most that of the encoder and the number of tokens
	SIF      float64 // a of the frequency weight a/(a+p); 0 gives every token the weight 1
	Batch    int     // texts for one call of the encoder
	Origin   string  // name of the encoder's model, for the header
	License  string  // its licence
	Source   string  // where it is published
	// Progress, where set, is told how many of the V tokens are done.
	Progress func(done, total int)
}

// DefaultDistillOptions are those of the embedded file.
func DefaultDistillOptions() DistillOptions {
	return DistillOptions{Contexts: []string{"%s", "it is %s", "the word %s"}, Dim: 112, SIF: 3e-4, Batch: 256}
}

// Distill makes a static embedder of an encoder: each token of vocab (most
// frequent first, "##x" inside words) is embedded in each context, the means are
// centred and turned onto their E principal axes, weighted by frequency and
// quantised to int8. The frequency of a token follows from its rank by Zipf's
// law, p(r) proportional to 1/(r+2.7); its weight is a/(a+p) (Arora et al.
// 2017). A token that the encoder fails on is an error of the whole.
func Distill(ctx context.Context, enc Embedder, vocab []string, opt DistillOptions) (*Static, error) {
	x, err := encodeTokens(ctx, enc, vocab, opt)
	if err != nil {
		return nil, err
	}
	y, variance, err := principal(x, opt.Dim)
	if err != nil {
		return nil, err
	}
	id := enc.Identity()
	s := &Static{header: Header{
		Origin: opt.Origin, License: opt.License, Source: opt.Source, Encoder: id.Model + " " + id.Pooling,
		Contexts: opt.Contexts, Dim: opt.Dim, Tokens: len(vocab), SIF: opt.SIF, Variance: math.Round(variance*1e4) / 1e4,
	}}
	if err := s.setTokens(append([]string(nil), vocab...)); err != nil {
		return nil, fmt.Errorf("embed: distill: %w", err)
	}
	s.quantise(y, zipfWeights(len(vocab), opt.SIF))
	b, err := s.Encode()
	if err != nil {
		return nil, fmt.Errorf("embed: distill: %w", err)
	}
	return decodeStatic(b)
}

// encodeTokens embeds every token in every context: row v is the mean for vocab[v].
func encodeTokens(ctx context.Context, enc Embedder, vocab []string, opt DistillOptions) (*mat.Dense, error) {
	if len(vocab) == 0 || len(opt.Contexts) == 0 {
		return nil, fmt.Errorf("embed: distill: must have tokens and contexts (got %d and %d)", len(vocab), len(opt.Contexts))
	}
	x := mat.NewDense(len(vocab), enc.Identity().Dim, nil)
	step := max(1, opt.Batch)
	for lo := 0; lo < len(vocab); lo += step {
		hi := min(len(vocab), lo+step)
		for _, phrase := range opt.Contexts {
			if err := addEncoded(ctx, enc, vocab[lo:hi], phrase, x.Slice(lo, hi, 0, enc.Identity().Dim).(*mat.Dense)); err != nil {
				return nil, err
			}
		}
		if opt.Progress != nil {
			opt.Progress(hi, len(vocab))
		}
	}
	x.Scale(1/float64(len(opt.Contexts)), x)
	return x, nil
}

// addEncoded adds the vector of each token in one phrase to its row of x.
func addEncoded(ctx context.Context, enc Embedder, tokens []string, phrase string, x *mat.Dense) error {
	texts := make([]string, len(tokens))
	for i, token := range tokens {
		texts[i] = strings.ReplaceAll(phrase, "%s", strings.TrimPrefix(token, continuation))
	}
	_, dim := x.Dims()
	results := enc.Embed(ctx, texts)
	if len(results) != len(texts) {
		return fmt.Errorf("embed: distill: encoder must give %d results (got %d)", len(texts), len(results))
	}
	for i, r := range results {
		err := r.Err
		if err == nil {
			err = Check(r.Vector, dim)
		}
		if err != nil {
			return fmt.Errorf("embed: distill: token %q: %w", tokens[i], err)
		}
		for k, f := range r.Vector {
			x.Set(i, k, x.At(i, k)+float64(f))
		}
	}
	return nil
}

// principal projects the centred rows of x onto their first dim principal axes
// and says which share of the variance these keep.
func principal(x *mat.Dense, dim int) (y *mat.Dense, share float64, err error) {
	v, e := x.Dims()
	if dim < 1 || dim > min(v, e) {
		return nil, 0, fmt.Errorf("embed: distill: dimension must be 1..%d (got %d)", min(v, e), dim)
	}
	for k := range e {
		mean := stat.Mean(mat.Col(nil, k, x), nil)
		for i := range v {
			x.Set(i, k, x.At(i, k)-mean)
		}
	}
	var cov mat.SymDense
	cov.SymOuterK(1/float64(v), x.T())
	var eig mat.EigenSym
	if !eig.Factorize(&cov, true) {
		return nil, 0, errors.New("embed: distill: principal axes must exist (the vectors are degenerate)")
	}
	var axes mat.Dense
	eig.VectorsTo(&axes) // columns, smallest eigenvalue first
	values := eig.Values(nil)
	var kept, all float64
	for i, l := range values {
		all += l
		if i >= e-dim {
			kept += l
		}
	}
	if !(all > 0) {
		return nil, 0, errors.New("embed: distill: token vectors must differ")
	}
	y = new(mat.Dense)
	y.Mul(x, axes.Slice(0, e, e-dim, e))
	return y, kept / all, nil
}

// zipfWeights are the frequency weights of n tokens in order of frequency.
func zipfWeights(n int, a float64) []float64 {
	w := make([]float64, n)
	var total float64
	for r := range w {
		w[r] = 1 / (float64(r) + 2.7)
		total += w[r]
	}
	for r := range w {
		if p := w[r] / total; a > 0 {
			w[r] = a / (a + p)
		} else {
			w[r] = 1
		}
	}
	return w
}

// quantise stores each row in steps of its largest number / 127; the weight
// goes into the step.
func (s *Static) quantise(y *mat.Dense, weights []float64) {
	v, e := y.Dims()
	s.scales, s.rows = make([]float32, v), make([]int8, v*e)
	for i := range v {
		row := y.RawRowView(i)
		var top float64
		for _, x := range row {
			top = max(top, math.Abs(x))
		}
		if top == 0 {
			continue // a vector at the very centre says nothing
		}
		s.scales[i] = float32(weights[i] * top / 127)
		for k, x := range row {
			s.rows[i*e+k] = int8(math.Round(x / top * 127))
		}
	}
}
