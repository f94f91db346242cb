package reward

import (
	"math"
	"slices"
)

// batch is what an expression is computed of: the samples of one call that can be
// scored, and those that earn nothing, which have the value 0 in every term.
type batch struct {
	n        int
	columns  [][]float64 // [terms][n], then those of the functions
	right    []bool
	groups   [][]int // of samples that answer the same prompt
	progress float64
	repeats  func(i int, near float64, fresh bool) float64 // how often the answer of sample i was given before
}

// value computes a node for all samples. [n]
func (b *batch) value(n *node) []float64 {
	switch n.op {
	case "term":
		return b.columns[n.column]
	case "number":
		return b.each(func(int) float64 { return n.value })
	case "linear":
		from, to, until := n.args[0].value, n.args[1].value, n.params[0]
		x := from + (to-from)*min(1, b.progress/until)
		return b.each(func(int) float64 { return x })
	}
	args := make([][]float64, len(n.args))
	for k, a := range n.args {
		args[k] = b.value(a)
	}
	x := args[0]
	switch n.op {
	case "fade":
		factors := b.columns[n.column]
		return b.each(func(i int) float64 {
			factors[i] = 1
			if !b.right[i] {
				factors[i] = 1 / (1 + b.repeats(i, n.params[1], n.params[2] > 0)/n.params[0])
			}
			return factors[i] * x[i]
		})
	case "rank":
		return b.within(x, ranks)
	case "minmax":
		return b.within(x, func(v []float64) []float64 { return minmax(v, 0, 1) })
	case "zscore":
		return b.within(x, zscores)
	case "strata":
		return b.strata(x, n.params[0], n.params[1])
	case "saturate":
		return b.each(func(i int) float64 { return 1 / (1 + math.Exp((n.params[0]-x[i])/n.params[1])) })
	}
	return b.each(func(i int) float64 { return n.of(i, args) })
}

// each makes a value of each sample. [n]
func (b *batch) each(f func(i int) float64) []float64 {
	out := make([]float64, b.n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// of is the value of an operation on numbers for sample i.
func (n *node) of(i int, args [][]float64) float64 {
	x := args[0][i]
	switch n.op {
	case "neg":
		return -x
	case "+":
		return x + args[1][i]
	case "-":
		return x - args[1][i]
	case "*":
		return x * args[1][i]
	case "<":
		return truth(x < args[1][i])
	case "<=":
		return truth(x <= args[1][i])
	case ">":
		return truth(x > args[1][i])
	case ">=":
		return truth(x >= args[1][i])
	case "pow":
		return math.Pow(x, args[1][i])
	case "clip":
		return clip(x, args[1][i], args[2][i])
	case "where":
		if x != 0 {
			return args[1][i]
		}
		return args[2][i]
	}
	for _, a := range args[1:] { // min, max
		if n.op == "min" {
			x = math.Min(x, a[i])
		} else {
			x = math.Max(x, a[i])
		}
	}
	return x
}

// truth is a condition as a number.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// within replaces the values of each group by what f makes of them. [n]
func (b *batch) within(x []float64, f func([]float64) []float64) []float64 {
	out := make([]float64, b.n)
	for _, group := range b.groups {
		values := make([]float64, len(group))
		for k, i := range group {
			values[k] = x[i]
		}
		for k, y := range f(values) {
			out[group[k]] = y
		}
	}
	return out
}

// ranks is the share of the other values that are smaller, equals half; 1/2 for a
// single value.
func ranks(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		var below float64
		for j, y := range v {
			if y < x {
				below++
			} else if y == x && i != j {
				below += 0.5
			}
		}
		out[i] = 0.5
		if len(v) > 1 {
			out[i] = below / float64(len(v)-1)
		}
	}
	return out
}

// minmax scales values to lo..hi; equal ones to the middle.
func minmax(v []float64, lo, hi float64) []float64 {
	out := make([]float64, len(v))
	least, most := slices.Min(v), slices.Max(v)
	for i, x := range v {
		out[i] = (lo + hi) / 2
		if most > least {
			out[i] = lo + (hi-lo)*(x-least)/(most-least)
		}
	}
	return out
}

// zscores is (x - mean)/(deviation + 1e-4), the deviation with n-1; 0 for a single
// value (GDPO, arXiv 2601.05242, and GRPO's normalisation).
func zscores(v []float64) []float64 {
	out := make([]float64, len(v))
	if len(v) < 2 {
		return out
	}
	var mean, ss float64
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		ss += (x - mean) * (x - mean)
	}
	std := math.Sqrt(ss/float64(len(v)-1)) + 1e-4
	for i, x := range v {
		out[i] = clip((x-mean)/std, -maxZ, maxZ)
	}
	return out
}

// strata scales the values of the wrong answers of a group to -alpha..alpha and those
// of the right ones to 1-beta..1+beta (HERO, arXiv 2510.07242, equation 3). [n]
func (b *batch) strata(x []float64, alpha, beta float64) []float64 {
	out := make([]float64, b.n)
	for _, group := range b.groups {
		for _, right := range []bool{false, true} {
			var at []int
			var values []float64
			for _, i := range group {
				if b.right[i] == right {
					at, values = append(at, i), append(values, x[i])
				}
			}
			lo, hi := -alpha, alpha
			if right {
				lo, hi = 1-beta, 1+beta
			}
			if len(at) > 0 {
				for k, y := range minmax(values, lo, hi) {
					out[at[k]] = y
				}
			}
		}
	}
	return out
}

// groupsOf gathers the samples that are not failed by their Group; each of Group 0 is
// one by itself.
func groupsOf(samples []Sample, failed func(i int) bool) [][]int {
	var groups [][]int
	at := map[int]int{}
	for i, s := range samples {
		if failed(i) {
			continue
		}
		g, ok := at[s.Group]
		if !ok || s.Group == 0 {
			g = len(groups)
			groups = append(groups, nil)
			at[s.Group] = g
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// sameAnswers is for each sample the share of the others of its group with the same
// answer (the batch repetition penalty of arXiv 2509.06941); 0 for one by itself. [n]
func sameAnswers(n int, groups [][]int, key func(i int) string) []float64 {
	out := make([]float64, n)
	for _, group := range groups {
		times := map[string]int{}
		for _, i := range group {
			times[key(i)]++
		}
		for _, i := range group {
			if len(group) > 1 {
				out[i] = float64(times[key(i)]-1) / float64(len(group)-1)
			}
		}
	}
	return out
}
