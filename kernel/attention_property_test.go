package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawAttn returns a random tree of rows with odd head widths; some rows have no path.
func drawAttn(t *rapid.T) attnCase {
	kv, group := rapid.IntRange(1, 3).Draw(t, "kv heads"), rapid.IntRange(1, 3).Draw(t, "group")
	c := newAttnCase(kv*group, kv, rapid.IntRange(1, 100).Draw(t, "width"), rapid.IntRange(1, 50).Draw(t, "rows"))
	chain := rapid.IntRange(0, 9).Draw(t, "chain")
	for i := range c.paths {
		parent := i - 1
		if rapid.IntRange(0, 9).Draw(t, "branch") > chain {
			parent = rapid.IntRange(-1, i-1).Draw(t, "parent")
		}
		switch {
		case rapid.IntRange(0, 30).Draw(t, "empty") == 0:
			c.paths[i] = nil
		case parent < 0:
			c.paths[i] = []int32{int32(i)}
		default:
			path := c.paths[parent] // a chain continues in its storage, as the callers' paths do
			if parent != i-1 {
				path = slices.Clone(path)
			}
			c.paths[i] = append(path, int32(i))
		}
	}
	return c
}

func (c *attnCase) forward(p *Pool, lo, hi int) []float32 {
	out := newGuarded(newRand(1), c.rows*c.ld)
	Attention(p, View(out.s()[lo*c.ld:], c.ld), QKV{View(c.q.s()[lo*c.ld:], c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths[lo:hi], c.AttnShape)
	return out.s()
}

func (c *attnCase) backward(p *Pool) []float32 {
	rng := newRand(2)
	dout, dq := newGuarded(rng, c.rows*c.ld), newGuarded(rng, c.rows*c.ld)
	dk, dv := make([]float32, c.rows*c.ld), make([]float32, c.rows*c.ld)
	AttentionBackward(p, QKV{View(dq.s(), c.ld), View(dk, c.ld), View(dv, c.ld)}, View(dout.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
	return append(append(dk, dv...), dq.s()...)
}

// A row has the same bits alone, in a part of the batch and in all of it, with any number of threads.
func TestAttentionRowsStandAlone(t *testing.T) {
	pools := []*Pool{NewPool(1), NewPool(2), NewPool(3)}
	eachTable(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			c := drawAttn(t)
			want, gradient := c.forward(nil, 0, c.rows), c.backward(nil)
			for _, p := range pools {
				equalBits(t, "batch", c.forward(p, 0, c.rows), want)
				equalBits(t, "gradients", c.backward(p), gradient)
			}
			cut := rapid.IntRange(0, c.rows-1).Draw(t, "cut")
			equalBits(t, "alone", c.forward(nil, cut, cut+1)[cut*c.ld:][:c.width], want[cut*c.ld:][:c.width])
			equalBits(t, "rest", c.forward(pools[2], cut, c.rows)[cut*c.ld:], want[cut*c.ld:])
		})
	})
	for _, p := range pools {
		p.Close()
	}
}

// Copies of a prefix under other row numbers do not change a bit of what follows it.
func TestAttentionOfCopiedPrefix(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			c := drawAttn(t)
			want := c.forward(nil, 0, c.rows)
			shift := c.rows * c.ld
			twice := func(g guarded) guarded {
				end := guard + 3 + shift
				return guarded{append(g.all[:end:end], g.all[guard+3:]...), 2 * shift}
			}
			c.k, c.v = twice(c.k), twice(c.v)
			for i, path := range c.paths {
				c.paths[i] = append([]int32(nil), path...)
				for x := range c.paths[i] {
					c.paths[i][x] += int32(c.rows) * int32((i+x)%2)
				}
			}
			equalBits(t, "out", c.forward(nil, 0, c.rows), want)
		})
	})
}

func equalBits(t *rapid.T, name string, got, want []float32) {
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: element %d: got %v, want %v", name, i, got[i], v)
		}
	}
}

// Rows that a path does not contain have no influence, not even with NaN and Inf in them.
func TestAttentionLeavesOtherRowsAlone(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		c := newAttnCase(2, 1, 24, 40)
		want := c.forward(nil, 0, c.rows)
		used := map[int32]bool{}
		for i := range c.paths {
			if len(c.paths[i]) > 3 {
				c.paths[i] = nil
			}
			for _, row := range c.paths[i] {
				used[row] = true
			}
		}
		small, smallGradient := c.forward(nil, 0, c.rows), c.backward(nil)
		for i := range c.rows {
			if !used[int32(i)] {
				for d := range c.ld {
					c.k.s()[i*c.ld+d], c.v.s()[i*c.ld+d], c.q.s()[i*c.ld+d] = nan, float32(math.Inf(1)), nan
				}
			}
		}
		sameBits(t, "out", c.forward(nil, 0, c.rows), small)
		sameBits(t, "gradients", c.backward(nil), smallGradient)
		for i := range c.rows {
			if c.paths[i] != nil {
				sameBits(t, "row", small[i*c.ld:][:c.width], want[i*c.ld:][:c.width])
			}
		}
	})
}

// Long contexts, of which every block of keys is used, against float64 and cached decoding.
func TestAttentionOfLongContext(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		const n = 1100
		c := newAttnCase(1, 1, 8, n)
		path := make([]int32, n)
		for i := range c.paths {
			path[i] = int32(i)
			c.paths[i] = path[:i+1]
		}
		out, p := c.forward(nil, 0, n), NewPool(3)
		defer p.Close()
		sameBits(t, "threads", c.forward(p, 0, n), out)
		sameBits(t, "gradients", c.backward(p), c.backward(nil))
		for _, i := range []int{0, 31, 32, 500, n - 1} {
			sameBits(t, fmt.Sprintf("row %d", i), c.forward(nil, i, i+1)[i*c.ld:][:8], out[i*c.ld:][:8])
			prob := c.exactProbs(i, 0)
			for d := range 8 {
				var want float64
				for x, w := range prob {
					want += w * float64(c.v.s()[x*c.ld+d])
				}
				near(t, fmt.Sprintf("out[%d][%d]", i, d), out[i*c.ld+d], want, 4e-6)
			}
		}
	})
}

// No call of attention allocates once the buffers have grown.
func TestAttentionAllocatesNothing(t *testing.T) {
	c := newAttnCase(2, 1, 32, 200) // one key head: with two threads the way in waves
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		buf, dk := make([]float32, c.rows*c.ld), make([]float32, c.rows*c.ld)
		run := func() {
			Attention(p, View(buf, c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
			AttentionBackward(p, QKV{View(buf, c.ld), View(dk, c.ld), View(dk, c.ld)}, View(c.q.s(), c.ld), QKV{View(c.q.s(), c.ld), View(c.k.s(), c.ld), View(c.v.s(), c.ld)}, c.paths, c.AttnShape)
		}
		for range 50 { // every worker has met the longest path
			run()
		}
		if got := testing.AllocsPerRun(50, run); got >= 1 {
			t.Errorf("%d threads: got %v allocations, want none", threads, got)
		}
		p.Close()
	}
}

// The segments cover every position of every path once, with equal keys in the rows of each.
func TestSegmentsCoverPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawAttn(t)
		var s segments
		s.find(c.paths, attnRows)
		seen := map[[2]int]int{}
		for lo := 0; lo < c.rows; lo += attnRows {
			for _, seg := range s.block(lo / attnRows) {
				for r := lo + int(seg.Row); r < lo+int(seg.Row+seg.Rows); r++ {
					for x := seg.T0; x < seg.T1; x++ {
						seen[[2]int{r, int(x)}]++
						if c.paths[r][x] != c.paths[lo+int(seg.Row)][x] {
							t.Fatalf("row %d does not share position %d of its segment", r, x)
						}
					}
				}
			}
		}
		total := 0
		for r, path := range c.paths {
			total += len(path)
			for x := range path {
				if seen[[2]int{r, x}] != 1 {
					t.Fatalf("row %d, position %d: covered %d times", r, x, seen[[2]int{r, x}])
				}
			}
		}
		if len(seen) != total {
			t.Fatalf("got %d positions, want %d", len(seen), total)
		}
	})
}
