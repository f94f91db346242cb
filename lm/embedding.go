package lm

import "pgsrm/kernel"

// embed writes the input of the first block for rows lo..hi-1:
//
//	x = tokens[token] + positions[position]     [R][D]; BERT: norm(that + types[0])
//
// Models with rotary positions have none here.
func (m *Model) embed(p *kernel.Pool, s *State, lo, hi int) {
	a, D := s.span(p, 0, allRows, lo, hi), m.Config.Width
	x := a.x
	p.Each(hi-lo, func(i, _ int) {
		row := x[i*D : (i+1)*D]
		m.tokenRow(row, s.tokens[lo+i])
		if m.positions != nil {
			kernel.Add(row, m.positions.Value[int(s.pos[lo+i])*D:][:D])
		}
		if m.types != nil { // one segment: type 0
			kernel.Add(row, m.types.Value[:D])
		}
	})
	if m.embedNorm.weight != nil {
		m.norm(p, m.embedNorm, x, x, a.attnMean, a.attnRstd)
	}
}

// tokenRow copies the embedding of a token. dst [D]
func (m *Model) tokenRow(dst []float32, token int32) {
	if m.tokens.Packed {
		kernel.PackedColumn(dst, m.tokens.Value, m.tokens.K, m.tokens.N, int(token))
		return
	}
	copy(dst, m.tokens.Value[int(token)*len(dst):])
}

// embedColumns is how many columns of the embeddings one thread adds to at a time.
const embedColumns = 64

// embedBackward adds the gradient of the first block's input to the embeddings, in the order of
// the rows, unless they are frozen:
//
//	dtokens[token] += dx     dpositions[position] += dx
func (m *Model) embedBackward(s *State) {
	if m.tokens.Grad == nil {
		return
	}
	m.tokens.settle()
	D := m.Config.Width
	m.Pool.Each((D+embedColumns-1)/embedColumns, func(i, _ int) {
		lo, hi := i*embedColumns, min((i+1)*embedColumns, D)
		for r, t := range s.tokens {
			dx := s.back.grads.out[r*D+lo : r*D+hi] // of the block below the first, as it were
			if m.tokens.Packed {
				kernel.AddPackedColumn(m.tokens.Grad[lo*kernel.NR:], dx, m.tokens.K, m.tokens.N, int(t))
			} else {
				kernel.Add(m.tokens.Grad[int(t)*D+lo:][:hi-lo], dx)
			}
			if m.positions != nil {
				kernel.Add(m.positions.Grad[int(s.pos[r])*D+lo:][:hi-lo], dx)
			}
		}
	})
}
