package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrNoMeaning is the error of a text that the embedder understood nothing of:
// empty, or no known word in it. The fault lies with the text, so asking again
// changes nothing; the reward gives such an answer its worst value, whereas any
// other error is a failed call and drops the sample.
var ErrNoMeaning = errors.New("text has no meaning for the embedder")

// Identity is everything that decides which vector a text gets. It is part of
// the key of every cache.
type Identity struct {
	Model     string `json:"model"`     // name and digest of the weights
	Pooling   string `json:"pooling"`   // "mean", "cls", "static-mean", ...
	Normalize bool   `json:"normalize"` // unit length
	Template  string `json:"template"`  // prefix put before the text; usually empty
	Dim       int    `json:"dim"`       // E
}

// Result is the vector of one text, or the error of that text alone.
type Result struct {
	Vector []float32 // [E], unit length where Identity.Normalize; shared, read-only
	Err    error
}

// Embedder embeds texts. Embed returns one Result for each text, in order. A
// text without a meaning for the embedder (empty, no known word) is an error of
// its own that wraps ErrNoMeaning, never a zero vector; vectors are finite and
// have Identity.Dim numbers. Embed is safe for concurrent use.
type Embedder interface {
	Embed(ctx context.Context, texts []string) []Result
	Identity() Identity
}

// Close gives back what an embedder of Open holds: idle connections, a file of word vectors. It
// must not be used any more.
func Close(e Embedder) error {
	if c, ok := e.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// costly is an Embedder whose calls take long or cost money: a server, a local
// encoder. stack puts the cache and the batcher before it. Its Identity must not
// change as it is used; a Dim that is not known in advance is 0 there.
type costly interface {
	Embedder
	Limits() Limits
}

// probed is a costly embedder whose model can change behind its identity, as that of
// a server can. Probe is the vector of a text that is always the same: the cache
// keeps it, and refuses to mix the vectors of two models.
type probed interface {
	costly
	Probe(ctx context.Context) ([]float32, error)
}

// Limits bound what a costly embedder is asked in one call. 0 is no bound.
type Limits struct {
	Items    int // texts of one call
	Bytes    int // of all texts of one call; a longer text goes alone
	Parallel int // calls at once; 0 is 1
}

// Check says what is wrong with a vector that should have dim numbers: a wrong
// length, a number that is not finite, or nothing but zeros.
func Check(v []float32, dim int) error {
	if len(v) != dim {
		return fmt.Errorf("embed: vector must have %d numbers (got %d)", dim, len(v))
	}
	zero := true
	for i, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("embed: vector must be finite (number %d is %v)", i, x)
		}
		zero = zero && x == 0
	}
	if zero {
		return errors.New("embed: vector must not be zero")
	}
	return nil
}

// Cosine is that of the angle between two vectors of one length, neither zero.
func Cosine(a, b []float32) float64 {
	return Dot(a, b) / math.Sqrt(Dot(a, a)*Dot(b, b))
}

// Dot is the inner product of two vectors of one length, summed in float64.
func Dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(a[i]) * float64(b[i])
		s1 += float64(a[i+1]) * float64(b[i+1])
		s2 += float64(a[i+2]) * float64(b[i+2])
		s3 += float64(a[i+3]) * float64(b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i]) * float64(b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// normalize scales v to unit length in place and reports whether it could: a
// vector of no length has no direction.
func normalize(v []float32) bool {
	sum := Dot(v, v)
	if sum == 0 || math.IsInf(sum, 0) || math.IsNaN(sum) {
		return false
	}
	inv := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * inv)
	}
	return true
}

// direction is the result for a text whose vectors sum to sum: scaled to unit
// length, or ErrNoMeaning where nothing was summed.
func direction(sum []float32, text string) Result {
	if !normalize(sum) {
		return Result{Err: fmt.Errorf("embed: no known word in %.80q: %w", text, ErrNoMeaning)}
	}
	return Result{Vector: sum}
}

// embedEach embeds texts one by one until the context ends; the rest fail with its
// error.
func embedEach(ctx context.Context, texts []string, one func(text string) Result) []Result {
	out := make([]Result, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			copy(out[i:], failAll(len(texts)-i, err))
			break
		}
		out[i] = one(text)
	}
	return out
}

// failAll gives every one of n texts the same error.
func failAll(n int, err error) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i].Err = err
	}
	return out
}
