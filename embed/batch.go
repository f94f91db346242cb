package embed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// inBatches embeds different texts through a costly embedder within its limits:
// texts of similar length together, since a call takes as long as its longest one.
// Results come in the order of the texts, checked. [len(texts)]
func inBatches(ctx context.Context, e costly, texts []string) []Result {
	limits := e.Limits()
	out := make([]Result, len(texts))
	slots := make(chan struct{}, max(1, limits.Parallel))
	var all sync.WaitGroup
	for _, batch := range split(texts, limits) {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			for k, r := range call(ctx, e, texts, batch) {
				out[batch[k]] = r
			}
		})
	}
	all.Wait()
	return out
}

// split deals the places of texts, shortest first, into batches within limits. A
// text that is too long for any batch goes alone.
func split(texts []string, limits Limits) [][]int {
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(texts[a]), len(texts[b])) })
	var batches [][]int
	var batch []int
	bytes := 0
	for _, i := range order {
		full := limits.Items > 0 && len(batch) >= limits.Items
		heavy := limits.Bytes > 0 && bytes+len(texts[i]) > limits.Bytes
		if len(batch) > 0 && (full || heavy) {
			batches, batch, bytes = append(batches, batch), nil, 0
		}
		batch, bytes = append(batch, i), bytes+len(texts[i])
	}
	if len(batch) > 0 {
		batches = append(batches, batch)
	}
	return batches
}

// call embeds the texts at the places of one batch and checks the vectors.
func call(ctx context.Context, e Embedder, texts []string, batch []int) []Result {
	if err := ctx.Err(); err != nil {
		return failAll(len(batch), err)
	}
	chosen := make([]string, len(batch))
	for k, i := range batch {
		chosen[k] = texts[i]
	}
	return checked(e, e.Embed(ctx, chosen), len(batch))
}

// checked refuses what no embedder may give: too many or too few results, and
// vectors that are none.
func checked(e Embedder, results []Result, n int) []Result {
	if len(results) != n {
		return failAll(n, fmt.Errorf("embed: must give %d results (got %d)", n, len(results)))
	}
	dim := e.Identity().Dim
	for i := range results {
		if r := &results[i]; r.Err == nil {
			r.Err = Check(r.Vector, cmp.Or(dim, len(r.Vector)))
		}
		if results[i].Err != nil {
			results[i].Vector = nil
		}
	}
	return results
}
