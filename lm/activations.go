package lm

// activations are what the forward of a block computes for some rows, or the gradients
// of that. block.go has the formulas and the letters; list says of each, for the model at
// hand, how wide a row is and how long it is kept.
type activations struct {
	x                  []float32 // [R][D] input of the block: the residual stream
	attnMean, attnRstd []float32 // [R] statistics of the norm before attention
	attnIn             []float32 // [R][D] input of attention
	qkRaw              []float32 // [R][Q+KV] queries and keys before their norm
	qkRstd             []float32 // [R][H+KVHeads] statistics of that
	qkv                []float32 // [R][W] queries, keys, values of a row side by side
	q                  []float32 // [T][Q] queries of the rows that predict, gathered
	attn               []float32 // [T][Q] output of attention: values, mixed
	residual           []float32 // [T][D] the residual stream after attention
	mlpMean, mlpRstd   []float32 // [T] statistics of the norm before the MLP
	mlpIn              []float32 // [T][D] input of the MLP
	gate               []float32 // [T][F] gate projection
	up                 []float32 // [T][F] up projection; without a gate what the activation function takes
	act                []float32 // [T][F] input of the down projection
	out                []float32 // [T][D] output of the block: x of the next one
	outMean, outRstd   []float32 // [T] statistics of the norm after the MLP
}

// part says which rows an activation is of.
type part uint8

const (
	allRows   part = iota // up to queries, keys and values: R
	attending             // from attention on: T, which is R but in the last block of a decoder
)

// keep is how long a State keeps an activation.
type keep uint8

const (
	none           keep = iota // not at all, or it is another's
	scratch                    // while some rows pass through the block, in room of their thread
	whole                      // while Backward is at a block, of all rows: gradients of weights are sums over them
	training                   // until Backward; with activation checkpointing Backward computes it again
	mixed                      // like training in small models; in large ones it costs little to compute again
	checkpointed               // until Backward
	gathered                   // until Backward, in the block that gathers the rows that attend
	residualStream             // until Backward; where a State only decodes, one room for all blocks
	cached                     // as long as the row: the key/value cache
)

// buffer is a line of the table of activations.
type buffer struct {
	data       *[]float32
	of         part
	width      int  // numbers a row; 0 if the model has no such activation
	value      keep // after the forward
	recomputed keep // in Backward, where it was not kept
	grad       keep // its gradient
}

// list is the table: names and shapes of all activations; sizes and slices follow from it.
func (a *activations) list(c *Config) [19]buffer {
	D, Q, KV, W, F := c.Width, c.qDim(), c.kvDim(), c.qkvDim(), c.FF
	return [...]buffer{
		// name, rows, width; how long its value is kept, the value computed again, its gradient
		{&a.x, allRows, D, residualStream, none, whole},
		{&a.attnMean, allRows, 1, checkpointed, none, none},
		{&a.attnRstd, allRows, 1, checkpointed, none, none},
		{&a.attnIn, allRows, when(!c.PostNorm, D), scratch, whole, scratch},
		{&a.qkRaw, allRows, when(c.QKNorm, Q+KV), checkpointed, none, scratch},
		{&a.qkRstd, allRows, when(c.QKNorm, c.Heads+c.KVHeads), checkpointed, none, none},
		{&a.qkv, allRows, W, cached, none, whole},
		{&a.q, attending, Q, gathered, none, gathered},
		{&a.attn, attending, Q, mixed, whole, whole},
		{&a.residual, attending, D, training, scratch, whole},
		{&a.mlpMean, attending, 1, training, scratch, none},
		{&a.mlpRstd, attending, 1, training, scratch, none},
		{&a.mlpIn, attending, D, scratch, whole, scratch},
		{&a.gate, attending, when(c.Gated, F), training, scratch, whole},
		{&a.up, attending, F, training, scratch, whole},
		{&a.act, attending, F, scratch, whole, none}, // its gradient becomes that of gate, or without one of up, in place
		{&a.out, attending, D, none, none, whole},
		{&a.outMean, attending, when(c.PostNorm, 1), scratch, none, none},
		{&a.outRstd, attending, when(c.PostNorm, 1), scratch, none, none},
	}
}

// when is a width that only some models have.
func when(on bool, width int) int {
	if on {
		return width
	}
	return 0
}

// keeps tells whether block l keeps activations of that kind.
func (s *State) keeps(l int, k keep) bool {
	switch k {
	case cached: // a State of one Forward has room for two blocks, see reserve
		return !s.once || l < 2
	case residualStream:
		return s.train || l == 0
	case gathered:
		return s.train && s.gathers(l)
	case checkpointed:
		return s.train
	case training: // Backward begins with the last block: it is not worth a checkpoint
		return s.train && (!s.checkpointing || l == len(s.acts)-1)
	case mixed:
		return s.mixed && s.keeps(l, training)
	}
	return false
}

// gathers tells whether in block l only the rows attend that something is predicted from:
// in the last one, since nobody else looks at what lies above its keys and values. An
// encoder is asked for all rows.
func (s *State) gathers(l int) bool { return l == len(s.acts)-1 && !s.m.Config.PostNorm }
