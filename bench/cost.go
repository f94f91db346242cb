package bench

// cost is work that no implementation can avoid: floating-point operations, and
// bytes read from memory. (Lines that are written back go beside those that
// are read, and are not counted.)
type cost struct{ flops, bytes float64 }

// seconds is the least time of phases that follow one another: each takes what
// its arithmetic takes at the peak, or its memory traffic at full bandwidth,
// whichever is longer.
//
//	sum over phases of max(flops / peak, bytes / bandwidth)
func (m Machine) seconds(phases []cost) float64 {
	var total float64
	for _, c := range phases {
		total += max(c.flops/(m.Peak*1e9), c.bytes/(m.Memory*1e9))
	}
	return total
}

// cached is the size up to which data are taken to stay in the processor's caches
// from one use to the next, so that reading them is no memory traffic.
const cached = 32 << 20

// traffic is the number of bytes that reading n float32 numbers moves.
func traffic(n float64) float64 {
	if 4*n <= cached {
		return 0
	}
	return 4 * n
}

// levels counts the rows (tokens) of a batch by their depth: levels[d] rows have d
// tokens before them in their sequence.
type levels []int

// unshared is n sequences of length tokens without a common prefix.
func unshared(n, length int) levels {
	out := make(levels, length)
	for d := range out {
		out[d] = n
	}
	return out
}

// level is n rows at one depth: a step of decoding.
func level(n, depth int) levels {
	out := make(levels, depth+1)
	out[depth] = n
	return out
}

// blockWeights is the number of weights in the matrices of all layers: of a GPT-2 12 D^2 a
// layer (attention 4, MLP 8).
func (s shape) blockWeights() float64 {
	D, L := float64(s.width), float64(s.layers)
	if s.kvHeads == 0 {
		return 12 * D * D * L
	}
	return (2*D*D + 2*D*float64(s.kvWidth()) + 3*D*float64(s.ff)) * L
}

// adapterWeights is the number of weights of the adapters: the rank times inputs and outputs of each module.
func (s shape) adapterWeights() float64 {
	D, F, KV, L := float64(s.width), float64(s.ff), float64(s.kvWidth()), float64(s.layers)
	perRank := (D + 3*D) + 2*D + 2*(D+4*D) // GPT-2: qkv, out, up and down
	if s.kvHeads > 0 {
		perRank = 4*D + 2*(D+KV) + 3*(D+F)
	}
	return float64(s.rank) * perRank * L
}

// headWeights is the number of weights of the output layer, which are those of
// the embedding too.
func (s shape) headWeights() float64 { return float64(s.width) * float64(s.vocab) }

// forward is one pass of rows through all layers: 2 operations for each row and
// weight; 4 D for each token that a row attends to (scores and mixing), in each
// layer. The weights are read once. Rows from which nothing is predicted count in
// full, although the last block need not compute more than their keys and values.
func (s shape) forward(rows levels) cost {
	var n, pairs float64
	for d, r := range rows {
		n += float64(r)
		pairs += float64(r) * float64(d+1)
	}
	w := s.blockWeights() + s.adapterWeights()
	return cost{
		flops: 2*w*n + 4*float64(s.width)*float64(s.layers)*pairs,
		bytes: traffic(w),
	}
}

// backward is twice forward: gradients of inputs and of weights, those of frozen ones excepted. The
// weights are read once; their gradients are only written.
func (s shape) backward(rows levels) cost {
	f := s.forward(rows)
	flops := 2 * f.flops
	if s.rank > 0 {
		for _, r := range rows {
			flops -= 2 * s.blockWeights() * float64(r)
		}
	}
	return cost{flops: flops, bytes: f.bytes}
}

// logits is the output layer for n rows, over columns of the vocabulary.
func (s shape) logits(n, columns int) cost {
	w := float64(s.width) * float64(columns)
	return cost{flops: 2 * w * float64(n), bytes: traffic(w)}
}

// logitsBackward is twice logits, for the same reason; once with a frozen head.
func (s shape) logitsBackward(n, columns int) cost {
	l := s.logits(n, columns)
	if s.rank == 0 {
		l.flops *= 2
	}
	return l
}

// parameters is the number of weights of the model, without adapters.
func (s shape) parameters() float64 {
	D, L := float64(s.width), float64(s.layers)
	small := L*13*D + 2*D + positions*D // biases, norms and positions
	if s.kvHeads > 0 {
		small = L*2*D + D // norms
	}
	return s.blockWeights() + s.headWeights() + small
}

// trained is the number of weights that the optimiser moves.
func (s shape) trained() float64 {
	if s.rank > 0 {
		return s.adapterWeights()
	}
	return s.parameters()
}

// trainingBytes are weights, and of those that are trained gradients and two moments, 4 bytes each.
func (s shape) trainingBytes() float64 {
	if s.rank > 0 {
		return 4*s.parameters() + 16*s.trained()
	}
	return 16 * s.parameters()
}

// referenceBytes are the weights of the reference model; with adapters it shares those of the model.
func (s shape) referenceBytes() float64 {
	if s.rank > 0 {
		return 0
	}
	return 4 * s.parameters()
}

// optimiser is AdamW: weights, gradients and two moments are read, about 14
// operations a weight. (The gradient norm can be had while the gradients are made.)
func (s shape) optimiser() cost {
	return cost{flops: 14 * s.trained(), bytes: traffic(4 * s.trained())}
}

// stepCost is a training step, logits over the whole vocabulary.
func (s shape) stepCost() []cost {
	rows, n := unshared(s.batch, s.prompt+s.response), s.batch*s.response
	if s.shared {
		rows, n = s.tree(s.group), s.scored(s.group)
	}
	return []cost{s.forward(rows), s.logits(n, s.vocab), s.logitsBackward(n, s.vocab), s.backward(rows), s.optimiser()}
}

// forwardCost is the forward of the same.
func (s shape) forwardCost() []cost { return s.stepCost()[:2] }

// decodeCost is sampling newTokens tokens after n prompts: the prompts at once,
// then a row a sample for each token but the last, logits for each token.
func (s shape) decodeCost(n int, shared bool) []cost {
	prompts := unshared(n, s.prompt)
	if shared {
		prompts = s.share(prompts)
	}
	out := []cost{s.forward(prompts), s.logits(n, s.vocab)}
	for t := 1; t < s.newTokens; t++ {
		out = append(out, s.forward(level(n, s.prompt+t-1)), s.logits(n, s.vocab))
	}
	return out
}

// share leaves one row of those tokens of the prompts that are the same.
func (s shape) share(prompts levels) levels {
	for d := range s.prompt - s.ownTokens {
		prompts[d] = 1
	}
	return prompts
}

// tree is the rows of an iteration's rollout with groups of g samples: prompts that
// share all but their last ownTokens tokens, then each sample but its last token.
// (Samples that begin alike by chance share rows too.)
func (s shape) tree(g int) levels {
	rows := s.share(unshared(s.batch/g, s.prompt))
	for range s.response - 1 {
		rows = append(rows, s.batch)
	}
	return rows
}

// scored is the number of rows of the tree that a token is predicted from.
func (s shape) scored(g int) int { return s.batch/g + s.batch*(s.response-1) }

// rolloutCost is sampling the responses of an iteration, as in decodeCost.
func (s shape) rolloutCost(g int) []cost {
	tree := s.tree(g)
	out := []cost{s.forward(tree[:s.prompt]), s.logits(s.batch/g, s.vocab)}
	for d := s.prompt; d < len(tree); d++ {
		out = append(out, s.forward(level(tree[d], d)), s.logits(tree[d], s.vocab))
	}
	return out
}

// iterationCost is an iteration: the rollout, then the reference and the update on its
// tree. A distribution cut to top_k tokens needs, after sampling, logits and
// gradients of these only; a whole one is computed again for its gradient.
func (s shape) iterationCost(g int) []cost {
	tree, scored, kept, base := s.tree(g), s.scored(g), s.topK, s
	out := s.rolloutCost(g)
	if kept == 0 || kept > s.vocab {
		kept = s.vocab
		out = append(out, s.logits(scored, kept))
	}
	base.rank = 0 // the reference is the model without adapters
	return append(out,
		base.forward(tree), s.logits(scored, kept),
		s.logitsBackward(scored, kept), s.backward(tree), s.optimiser())
}
