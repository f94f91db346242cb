package lm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"

	"pgsrm/kernel"
)

// SampleOptions is the distribution that Generate samples from: logits divided
// by Temperature, then truncated by TopK, TopP and MinP in this order (0 = off),
// renormalised: Hugging Face's order and rules. Temperature 0 is greedy; the
// log-probabilities are then those of the whole distribution at temperature 1.
type SampleOptions struct {
	Temperature  float32
	TopK         int
	TopP, MinP   float32
	MaxNewTokens int // longest response, EOS included
	// Stop says whether a response that has not ended ends after its last token; nil = never.
	Stop func(response []int32) bool
}

// Validate reports the first option out of range.
func (o SampleOptions) Validate() error {
	switch {
	case !(o.Temperature >= 0 && o.Temperature <= 100):
		return fmt.Errorf("temperature must be in 0..100 (got %v)", o.Temperature)
	case o.TopK < 0:
		return fmt.Errorf("top_k must not be negative (got %d)", o.TopK)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return fmt.Errorf("top_p must be in 0..1 (got %v)", o.TopP)
	case !(o.MinP >= 0 && o.MinP <= 1):
		return fmt.Errorf("min_p must be in 0..1 (got %v)", o.MinP)
	case o.MaxNewTokens < 1 || o.MaxNewTokens > maxPositions:
		return fmt.Errorf("max_new_tokens must be in 1..%d (got %d)", maxPositions, o.MaxNewTokens)
	}
	return nil
}

// Generation is one sampled response of T tokens.
type Generation struct {
	Tokens   []int32   // [T], EOS included where the response ended by it
	LogProbs []float32 // [T] under the sampled (truncated, renormalised) distribution
	Entropy  []float32 // [T] of that distribution, nats
	Support  [][]int32 // [T][kept] ids of a truncated distribution, nil where nothing was cut
	Rows     []int32   // [T] row of the State whose hidden state predicted Tokens[t]
	Finish   string    // "eos", "stop" or "length"
}

// maxSamples is how many samples of one prompt Generate draws at most.
const maxSamples = 1 << 20

// Generate samples each prompt n times and returns the P*n generations, those
// of prompt p at p*n..p*n+n-1. rng gives the stream of one sample, so that a
// sample does not depend on what runs beside it; it is not called when greedy.
// The rows computed stay in s: with a training State, Score and Backward can use
// them at once while the weights are unchanged. Logits that are not finite are
// not sampled from: the error is then of the kind ErrNonFinite.
func (m *Model) Generate(s *State, prompts [][]int32, n int, opt SampleOptions, rng func(p, g int) *rand.Rand) ([]Generation, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	if n < 1 || n > maxSamples {
		return nil, fmt.Errorf("generate: samples of a prompt must be in 1..%d (got %d)", maxSamples, n)
	}
	d := decoder{m: m, s: s, opt: opt, out: make([]Generation, len(prompts)*n), bufs: make([][]float32, m.Pool.Threads())}
	for p, prompt := range prompts {
		if err := m.Config.Fits(prompt, opt.MaxNewTokens); err != nil {
			return nil, fmt.Errorf("generate: prompt %d: %w", p, err)
		}
		rows := s.AddSequence(prompt)
		for g := range n {
			seq := live{sample: p*n + g, row: rows[len(rows)-1]}
			if opt.Temperature > 0 {
				seq.rng = rng(p, g)
			}
			d.live = append(d.live, seq)
		}
	}
	s.expect(s.Rows() + len(d.live)*(opt.MaxNewTokens-1))
	for len(d.live) > 0 {
		m.Forward(s)
		if err := d.step(); err != nil {
			return nil, err
		}
	}
	return d.out, nil
}

// live is a sample that has not ended.
type live struct {
	sample int
	row    int32 // its last row
	rng    *rand.Rand
}

// decoder is the state of one Generate.
type decoder struct {
	m    *Model
	s    *State
	opt  SampleOptions
	out  []Generation
	live []live
	slot map[int32]int32
	rows []int32     // distinct rows of the live samples
	dist []rowDist   // [len(rows)]
	bufs [][]float32 // [threads] work space
}

// rowDist is the distribution of the token after a row.
type rowDist struct {
	distribution
	support []int32   // nil = all
	sums    []float64 // [blocks] sums of the probabilities of pickBlock tokens each
	total   float64   // of sums: 1 but for rounding
}

// step draws one token for every live sample and drops those that end.
func (d *decoder) step() error {
	d.distinctRows()
	V, step := d.m.Config.Vocab, d.m.chunkRows()
	d.m.predict(d.s, d.rows)
	d.dist = append(d.dist[:0], make([]rowDist, len(d.rows))...)
	next := make([]int32, len(d.live))
	for lo := 0; lo < len(d.rows); lo += step {
		hi := min(lo+step, len(d.rows))
		logits := d.m.logits(d.s, d.rows[lo:hi], d.opt.Temperature)
		d.m.Pool.Each(hi-lo, func(i, w int) { d.dist[lo+i] = newRowDist(logits[i*V:(i+1)*V], d.opt, &d.bufs[w]) })
		d.remember(lo, hi)
		for i, q := range d.live {
			if at := int(d.slot[q.row]); lo <= at && at < hi {
				if err := d.dist[at].check(); err != nil {
					return fmt.Errorf("generate: sample %d, token %d: %w", q.sample, len(d.out[q.sample].Tokens), err)
				}
				next[i] = d.draw(q, &d.dist[at])
			}
		}
	}
	d.advance(next)
	return nil
}

// remember leaves the distributions to Score and Backward. Logits that nothing was cut from are
// copied if those of all rows can be: of some alone Backward has no use.
func (d *decoder) remember(lo, hi int) {
	if !d.s.train {
		return
	}
	for i := lo; i < hi; i++ {
		dist := &d.dist[i]
		known := sampledRow{dist.distribution, dist.support, d.opt.Temperature, true}
		if dist.support == nil {
			if d.s.expected > chunkFloats/len(dist.kept) {
				continue
			}
			at := len(d.s.sampled)
			d.s.sampled = append(d.s.sampled, dist.kept...)
			known.kept = d.s.sampled[at:]
		}
		d.s.predicting.sampled[d.s.predicting.slot[d.rows[i]]] = known
	}
}

func (d *decoder) distinctRows() {
	if d.slot == nil {
		d.slot = map[int32]int32{}
	}
	clear(d.slot)
	d.rows = d.rows[:0]
	for _, q := range d.live {
		if _, ok := d.slot[q.row]; !ok {
			d.slot[q.row] = int32(len(d.rows))
			d.rows = append(d.rows, q.row)
		}
	}
}

// draw samples a token and records it.
func (d *decoder) draw(q live, dist *rowDist) int32 {
	var at int
	if q.rng == nil {
		at = argmax(dist.kept)
	} else {
		at = dist.pick(q.rng.Float64())
	}
	token := int32(at)
	if dist.support != nil {
		token = dist.support[at]
	}
	g := &d.out[q.sample]
	g.Tokens = append(g.Tokens, token)
	g.LogProbs = append(g.LogProbs, dist.logProb(dist.kept[at]))
	g.Entropy = append(g.Entropy, float32(dist.entropy))
	g.Support = append(g.Support, dist.support)
	g.Rows = append(g.Rows, q.row)
	return token
}

// advance adds the drawn tokens to the tree; a sample ends with EOS, where Stop says
// so or at the longest length, and its last token is then no row, since nothing follows it.
func (d *decoder) advance(next []int32) {
	kept := d.live[:0]
	for i, q := range d.live {
		g := &d.out[q.sample]
		switch {
		case d.m.Config.EndsWith(next[i]):
			g.Finish = "eos"
		case d.opt.Stop != nil && d.opt.Stop(g.Tokens):
			g.Finish = "stop"
		case len(g.Tokens) == d.opt.MaxNewTokens:
			g.Finish = "length"
		default:
			q.row = d.s.Add(q.row, next[i])
			kept = append(kept, q)
		}
	}
	d.live = kept
}

// newRowDist truncates a row of logits, which already carries the temperature.
func newRowDist(row []float32, opt SampleOptions, buf *[]float32) rowDist {
	if opt.Temperature == 0 {
		return rowDist{distribution: distributionOf(row, nil)}
	}
	support := truncate(row, opt, buf)
	r := rowDist{distribution: distributionOf(row, support), support: support}
	r.sums = make([]float64, (len(r.kept)+pickBlock-1)/pickBlock)
	for i := range r.sums {
		r.sums[i] = kernel.ExpSum(r.block(i), float32(r.lse))
		r.total += r.sums[i]
	}
	return r
}

// softWeights returns exp(x - max x) and the sum of it in order.
func softWeights(x []float32) ([]float32, float64) {
	w := make([]float32, len(x))
	top := slices.Max(x)
	for i, v := range x {
		w[i] = v - top
	}
	kernel.Exp(w, w)
	var total float64
	for _, v := range w {
		total += float64(v)
	}
	return w, total
}

// pickBlock is how many tokens pick passes over at a time.
const pickBlock = 64

// block is the logits of one block of tokens.
func (r *rowDist) block(i int) []float32 {
	return r.kept[i*pickBlock : min((i+1)*pickBlock, len(r.kept))]
}

// pick inverts the cumulative distribution at u in [0,1): the block that u falls into, then the token.
func (r *rowDist) pick(u float64) int {
	u *= r.total
	var sum float64
	at := 0
	for at < len(r.sums)-1 && u >= sum+r.sums[at] {
		sum += r.sums[at]
		at++
	}
	for r.sums[at] == 0 && at > 0 { // rounding led past the last block that has any
		at--
	}
	var buf [pickBlock]float32
	p := buf[:copy(buf[:], r.block(at))]
	for i := range p {
		p[i] -= float32(r.lse)
	}
	kernel.Exp(p, p)
	last := 0
	for i, w := range p {
		if w == 0 {
			continue
		}
		last = i
		if sum += float64(w); u < sum {
			break
		}
	}
	return at*pickBlock + last
}

// argmax is the index of the largest number, the lowest of equals.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// truncate returns the ids that top-k, top-p and min-p leave, ascending, or nil
// where they leave all. They leave NaN in, so that the sum over what is left shows it.
func truncate(row []float32, opt SampleOptions, buf *[]float32) []int32 {
	var ids []int32
	if k := opt.TopK; k > 0 && k < len(row) {
		ids = make([]int32, 0, k+4)
		for i, least := 0, kernel.KthLargest(row, k, buf); i < len(row); i++ {
			if !(row[i] < least) {
				ids = append(ids, int32(i))
			}
		}
	}
	if opt.TopP > 0 && opt.TopP < 1 {
		ids = nucleus(row, ids, float64(opt.TopP))
	}
	if opt.MinP > 0 {
		ids = minP(row, ids, float64(opt.MinP))
	}
	if len(ids) == len(row) {
		return nil
	}
	return ids
}

// gather returns the logits over ids, nil meaning the whole row.
func gather(row []float32, ids []int32) []float32 {
	if ids == nil {
		return row
	}
	x := make([]float32, len(ids))
	for i, id := range ids {
		x[i] = row[id]
	}
	return x
}

// nucleus keeps the most probable ids that together reach mass p: an id goes
// when it and all less probable ones sum to at most 1-p.
func nucleus(row []float32, ids []int32, p float64) []int32 {
	x := gather(row, ids)
	w, total := softWeights(x)
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return x[order[a]] < x[order[b]] })
	var sum float64
	cut := 0
	for cut < len(order)-1 {
		sum += float64(w[order[cut]]) / total
		if !(sum <= 1-p) {
			break
		}
		cut++
	}
	out := make([]int32, 0, len(order)-cut)
	for _, i := range order[cut:] {
		if ids == nil {
			out = append(out, int32(i))
		} else {
			out = append(out, ids[i])
		}
	}
	slices.Sort(out)
	return out
}

// minP keeps the ids whose probability is at least minP times the largest.
func minP(row []float32, ids []int32, minP float64) []int32 {
	x := gather(row, ids)
	w, _ := softWeights(x)
	var out []int32
	for i, v := range w {
		if float64(v) < minP {
			continue
		}
		if ids == nil {
			out = append(out, int32(i))
		} else {
			out = append(out, ids[i])
		}
	}
	return out
}
