package hf

import (
	"errors"
	"math"
	"runtime"
	"slices"

	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// loadModel makes a model of the weights, and returns the type of each tensor by its
// name in the table. Names and shapes are compared before anything is allocated;
// then every parameter is packed block by block, on all cores, from the file, mapped
// where that can be, straight into its place. Beside the weights
// themselves only a block for each thread is in memory.
func loadModel(cfg lm.Config, set *weightSet) (*lm.Model, map[string]safetensors.DType, error) {
	m, err := lm.Declare(cfg)
	if err != nil {
		return nil, nil, err
	}
	table := tensorTable(m)
	names := make([]string, len(table))
	for i, t := range table {
		names[i] = t.name
	}
	if set.gguf {
		table = ggufTable(m.Config, table)
	}
	sources, err := matchNames(m.Config, set, table)
	if err != nil {
		return nil, nil, err
	}
	m.Allocate()
	pool := kernel.NewPool(runtime.GOMAXPROCS(0))
	defer pool.Close()
	types := map[string]safetensors.DType{}
	for i, s := range sources {
		types[names[i]] = s.dtype
	}
	err = runBlocks(pool, loadBlocks(table, sources))
	if head, ok := set.of[headName]; ok && m.Config.Tied && err == nil {
		err = runBlocks(pool, headBlocks(table[0].param, head))
	}
	return m, types, err
}

// loadBlock is a part of the work of loading: at most about blockLen numbers,
// for which buf has room.
type loadBlock struct {
	numbers int
	work    func(buf []float32) error
}

// blockLen is about how many numbers are packed at a time: 1 MB of them.
const blockLen = 1 << 18

// runBlocks does the blocks' work; of several errors that of the first block counts.
func runBlocks(pool *kernel.Pool, blocks []loadBlock) error {
	buffers, errs := make([][]float32, pool.Threads()), make([]error, len(blocks))
	pool.Each(len(blocks), func(i, worker int) {
		b := &blocks[i]
		buf := slices.Grow(buffers[worker][:0], b.numbers)[:b.numbers]
		buffers[worker] = buf
		errs[i] = safetensors.Guard(func() error { return b.work(buf) })
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// loadBlocks divides all parameters. A parameter is filled by the tensors of one
// or several rows of the table, which follow one another in it.
func loadBlocks(table []tensorMap, sources []source) []loadBlock {
	var blocks []loadBlock
	for i := 0; i < len(table); {
		end := i + 1
		for end < len(table) && table[end].param == table[i].param {
			end++
		}
		if p := table[i].param; table[i].transposed || p.K == 1 {
			blocks = append(blocks, columnBlocks(p, table[i:end], sources[i:end])...)
		} else {
			blocks = append(blocks, rowBlocks(p, sources[i])...)
		}
		i = end
	}
	return blocks
}

// rowBlocks divides a parameter that the folder has as [K][N], as we do.
func rowBlocks(p *lm.Param, s source) []loadBlock {
	var blocks []loadBlock
	step := max(1, blockLen/p.N)
	for lo := 0; lo < p.K; lo += step {
		hi := min(lo+step, p.K)
		blocks = append(blocks, loadBlock{(hi - lo) * p.N, func(buf []float32) error {
			x, err := s.part(lo*p.N, hi*p.N, buf)
			if err != nil {
				return err
			}
			if p.Packed {
				kernel.PackRows(p.Value, x, p.K, p.N, lo, hi)
			} else {
				copy(p.Value[lo*p.N:], x)
			}
			s.drop(lo*p.N, hi*p.N)
			return nil
		}})
	}
	return blocks
}

// columnBlocks divides a parameter that the folder has as [N][K]: by whole panels.
func columnBlocks(p *lm.Param, table []tensorMap, sources []source) []loadBlock {
	var blocks []loadBlock
	step := max(1, blockLen/p.K/kernel.NR) * kernel.NR
	for lo := 0; lo < p.N; lo += step {
		hi := min(lo+step, p.N)
		blocks = append(blocks, loadBlock{(hi - lo) * p.K, func(buf []float32) error {
			x, err := gatherColumns(p.K, lo, hi, table, sources, buf)
			if err != nil {
				return err
			}
			if p.Packed {
				kernel.PackT(p.Value[lo*p.K:], x, p.K, hi-lo)
			} else {
				copy(p.Value[lo:], x)
			}
			for i := range table {
				if a, b := table[i].within(lo, hi); a < b {
					sources[i].drop(a*p.K, b*p.K)
				}
			}
			return nil
		}})
	}
	return blocks
}

// within is the part of the tensor that belongs to columns lo..hi-1 of its
// parameter, counted from its own first one; empty where a >= b.
func (t *tensorMap) within(lo, hi int) (a, b int) {
	return max(lo, t.from) - t.from, min(hi, t.to) - t.from
}

// gatherColumns returns columns lo..hi-1, K numbers each: [hi-lo][K]
func gatherColumns(K, lo, hi int, table []tensorMap, sources []source, buf []float32) ([]float32, error) {
	for i := range table {
		a, b := table[i].within(lo, hi)
		if a >= b {
			continue
		}
		at := (table[i].from + a - lo) * K
		x, err := table[i].columns(&sources[i], K, a, b, buf[at:at+(b-a)*K])
		if err != nil || b-a == hi-lo {
			return x, err
		}
		copy(buf[at:], x)
	}
	return buf, nil
}

// columns returns rows a..b-1 of the tensor in our order, K numbers each.
func (t *tensorMap) columns(s *source, K, a, b int, buf []float32) ([]float32, error) {
	if t.paired == 0 {
		return s.part(a*K, b*K, buf)
	}
	lo, hi := a/t.paired*t.paired, (b+t.paired-1)/t.paired*t.paired // whole heads
	x, err := s.part(lo*K, hi*K, make([]float32, (hi-lo)*K))
	if err != nil {
		return nil, err
	}
	for r := lo; r < hi; r++ {
		if ours := t.row(r); ours >= a && ours < b {
			copy(buf[(ours-a)*K:][:K], x[(r-lo)*K:])
		}
	}
	return buf, nil
}

// errUntied is a head that is stored beside a tied embedding and differs from it.
var errUntied = errors.New("tensors: " + headName + " must equal the token embedding, since config.json ties them (it does not)")

// headBlocks compare a head that is stored beside a tied embedding with it, which is
// packed and transposed.
func headBlocks(tokens *lm.Param, s source) []loadBlock {
	var blocks []loadBlock
	K := tokens.K
	step := max(1, blockLen/K)
	for lo := 0; lo < tokens.N; lo += step {
		hi := min(lo+step, tokens.N)
		blocks = append(blocks, loadBlock{(hi - lo) * K, func(buf []float32) error {
			if !slices.Equal(s.shape, []int{tokens.N, K}) {
				return errUntied
			}
			x, err := s.part(lo*K, hi*K, buf)
			if err != nil {
				return err
			}
			column := make([]float32, K)
			for c := lo; c < hi; c++ {
				kernel.PackedColumn(column, tokens.Value, K, tokens.N, c)
				if !slices.EqualFunc(column, x[(c-lo)*K:][:K], sameBits) {
					return errUntied
				}
			}
			s.drop(lo*K, hi*K)
			return nil
		}})
	}
	return blocks
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
