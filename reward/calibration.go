package reward

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"pgsrm/embed"
	"pgsrm/task"
)

// Calibration holds what a reward takes from a task's parent answers: U, their
// vectors, and the constants of the terms. It is computed once and saved with
// the run, so that a resumed run has the very same constants.
type Calibration struct {
	Embedder embed.Identity `json:"embedder"`
	Answers  []string       `json:"answers"` // [U] distinct parent answers (by task.Matcher.Key), in the order of the items
	Vectors  []Vector       `json:"vectors"` // [U][E] their embeddings, unit length
	Failed   []Failure      `json:"failed"`  // parent answers that have no vector; they are not in U
	Between  float64        `json:"between"` // b, mean cos of two different parent answers
	Domain   float64        `json:"domain"`  // m0, mean over u in U of m(u)
	Floor    float64        `json:"floor"`   // least e(u).e(v) - m(u) over u, v in U: the worst value of centered with no_clip
	centre   []float32      // [E] mean of the vectors, so that m(x) = e(x).centre
}

// ErrEmbedding is the error of a calibration for which too few parent answers
// could be embedded.
var ErrEmbedding = errors.New("the embedder failed")

// Failure is a parent answer that could not be embedded, and why.
type Failure struct {
	Answer string `json:"answer"`
	Error  string `json:"error"`
}

// Vector is an embedding; in JSON it is base64 of little-endian float32.
type Vector []float32

// MarshalText is base64 of the numbers.
func (v Vector) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *Vector) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw)%4 != 0 {
		return fmt.Errorf("reward: vector must be base64 of float32 (got %d bytes, %v)", len(raw), err)
	}
	*v = make(Vector, len(raw)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// calibrate embeds the distinct parent answers of a task and computes the
// constants. answers maps item ids to parent answers; items without an answer
// are left out. It needs two different answers that can be embedded; answers
// that cannot are listed in Failed.
func calibrate(ctx context.Context, t *task.Task, answers map[string]string, e embed.Embedder, match *task.Matcher) (*Calibration, error) {
	texts := distinctAnswers(t, answers, match)
	c := &Calibration{Embedder: e.Identity()}
	for i, r := range e.Embed(ctx, texts) {
		v, err := unit(r, c.dim())
		if err != nil {
			c.Failed = append(c.Failed, Failure{Answer: texts[i], Error: err.Error()})
			continue
		}
		c.Answers, c.Vectors = append(c.Answers, texts[i]), append(c.Vectors, v)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reward: calibration: %w", err)
	}
	if len(c.Answers) < 2 {
		err := fmt.Errorf("reward: calibration needs two different parent answers with vectors (got %d, and %d without)", len(c.Answers), len(c.Failed))
		if len(c.Failed) > 0 {
			err = fmt.Errorf("%w: %w: %s", err, ErrEmbedding, c.Failed[0].Error)
		}
		return nil, err
	}
	c.constants()
	if c.Between > 1-1e-6 {
		return nil, fmt.Errorf("reward: parent answers must differ in meaning (their mean cosine is %v)", c.Between)
	}
	return c, nil
}

// dim is E: that of the embedder, or of the first vector where the embedder does
// not say it; 0 before that.
func (c *Calibration) dim() int {
	if c.Embedder.Dim == 0 && len(c.Vectors) > 0 {
		return len(c.Vectors[0])
	}
	return c.Embedder.Dim
}

// distinctAnswers lists the parent answers of a task's items, each once.
func distinctAnswers(t *task.Task, answers map[string]string, match *task.Matcher) []string {
	var out []string
	seen := map[string]bool{}
	for _, it := range t.Items {
		a := match.Text(match.Reference(answers[it.ID]))
		if key := match.Key(a); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, trim(a))
		}
	}
	return out
}

// unit checks a result and returns its vector scaled to unit length; dim 0 is any.
func unit(r embed.Result, dim int) (Vector, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	if err := embed.Check(r.Vector, cmp.Or(dim, len(r.Vector))); err != nil {
		return nil, err
	}
	n := math.Sqrt(embed.Dot(r.Vector, r.Vector))
	if math.Abs(n-1) < 1e-6 {
		return r.Vector, nil // shared with the embedder, never written
	}
	v := make(Vector, len(r.Vector))
	for i, x := range r.Vector {
		v[i] = float32(float64(x) / n)
	}
	return v, nil
}

// constants computes everything that follows from the vectors.
func (c *Calibration) constants() {
	c.setCentre()
	u := len(c.Vectors)
	var between, domain float64
	c.Floor = math.Inf(1)
	for i, a := range c.Vectors {
		m := embed.Dot(a, c.centre)
		domain += m
		for j, b := range c.Vectors {
			cos := embed.Dot(a, b)
			if i != j {
				between += cos
			}
			c.Floor = math.Min(c.Floor, cos-m)
		}
	}
	c.Between, c.Domain = between/float64(u*(u-1)), domain/float64(u)
}

func (c *Calibration) setCentre() {
	sum := make([]float64, len(c.Vectors[0]))
	for _, v := range c.Vectors {
		for k, x := range v {
			sum[k] += float64(x)
		}
	}
	c.centre = make([]float32, len(sum))
	for k, x := range sum {
		c.centre[k] = float32(x / float64(len(c.Vectors)))
	}
}

// check says what is wrong with a calibration that was read from a file.
func (c *Calibration) check(id embed.Identity) error {
	if c.Embedder != id {
		return fmt.Errorf("reward: calibration belongs to the embedder %+v (got %+v)", c.Embedder, id)
	}
	if len(c.Answers) < 2 || len(c.Answers) != len(c.Vectors) {
		return fmt.Errorf("reward: calibration must have a vector for each of two or more answers (got %d and %d)", len(c.Vectors), len(c.Answers))
	}
	for i, v := range c.Vectors {
		if err := embed.Check(v, c.dim()); err != nil {
			return fmt.Errorf("reward: calibration: answer %q: %w", c.Answers[i], err)
		}
	}
	for _, x := range []float64{c.Between, c.Domain, c.Floor} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return errors.New("reward: calibration constants must be finite")
		}
	}
	return nil
}
