package dashboard

import (
	"math"
	"slices"
	"sort"
)

// mostBuckets is the most buckets that a series has.
const mostBuckets = 384

// bucket is some points of a series that follow each other.
type bucket struct {
	episode      float64 // of the last point
	step         int32   // likewise
	mean, lo, hi float32
}

// series is one metric of one run: buckets of per points each, the last one of as many as
// there are. When there is no room for another, two become one.
type series struct {
	per     int
	inLast  int // points of the last bucket
	buckets []bucket
}

// add takes the next point.
func (s *series) add(step int, episode, v float64) {
	if s.per == 0 {
		s.per, s.inLast = 1, 1
	}
	if n := len(s.buckets); n > 0 && s.inLast < s.per {
		b := &s.buckets[n-1]
		s.inLast++
		b.mean += (float32(v) - b.mean) / float32(s.inLast)
		b.lo, b.hi = min(b.lo, float32(v)), max(b.hi, float32(v))
		b.step, b.episode = int32(min(step, math.MaxInt32)), episode
		return
	}
	if len(s.buckets) == mostBuckets {
		s.halve()
	}
	if len(s.buckets) == cap(s.buckets) {
		room := make([]bucket, len(s.buckets), min(max(8, 2*len(s.buckets)), mostBuckets))
		copy(room, s.buckets)
		s.buckets = room
	}
	s.inLast = 1
	s.buckets = append(s.buckets, bucket{episode, int32(min(step, math.MaxInt32)), float32(v), float32(v), float32(v)})
}

// halve makes every two buckets, all of which are full, one.
func (s *series) halve() {
	for i := range len(s.buckets) / 2 {
		a, b := s.buckets[2*i], s.buckets[2*i+1]
		s.buckets[i] = bucket{b.episode, b.step, (a.mean + b.mean) / 2, min(a.lo, b.lo), max(a.hi, b.hi)}
	}
	s.buckets = s.buckets[:len(s.buckets)/2]
	s.per *= 2
}

// last is the mean of the last bucket.
func (s *series) last() (v float64, ok bool) {
	if s == nil || len(s.buckets) == 0 {
		return 0, false
	}
	return float64(s.buckets[len(s.buckets)-1].mean), true
}

// points is the number of points of bucket i.
func (s *series) points(i int) int {
	if i == len(s.buckets)-1 {
		return s.inLast
	}
	return s.per
}

// point is a bucket at a place of the axis of a chart.
type point struct{ x, mean, lo, hi, n float64 }

// curve is the points of one run in a range.
type curve []point

// grid is the places at which curves are drawn: every place where one has a point, if these
// are no more than most, else the ends of stretches of equal length, as many as the
// shortest of the long curves has points, so that no stretch of it is empty.
func grid(curves []curve, most int) []float64 {
	var all []float64
	fewest := most
	for _, c := range curves {
		for _, p := range c {
			all = append(all, p.x)
		}
		if len(c) > most/8 {
			fewest = min(fewest, len(c))
		}
	}
	sort.Float64s(all)
	all = slices.Compact(all)
	if len(all) <= most {
		return all
	}
	from, to := all[0], all[len(all)-1]
	out := make([]float64, fewest)
	for i := range out {
		out[i] = from + (to-from)*float64(i+1)/float64(fewest)
	}
	out[fewest-1] = to
	return out
}

// cell is what stands at one place of a line: NaN mean where there is nothing.
type cell struct {
	mean, lo, hi float64
	n            int // curves
}

// onGrid brings one curve onto a grid: at each place the mean of its points since the place
// before.
func (c curve) onGrid(grid []float64) []cell {
	out := make([]cell, len(grid))
	i := 0
	for k, at := range grid {
		sum, n, lo, hi := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for ; i < len(c) && c[i].x <= at; i++ {
			sum += c[i].mean * c[i].n
			n += c[i].n
			lo, hi = min(lo, c[i].lo), max(hi, c[i].hi)
		}
		out[k] = cell{mean: math.NaN()}
		if n > 0 {
			out[k] = cell{sum / n, lo, hi, 1}
		}
	}
	return out
}

// together is the mean of several curves on a grid, from the smallest to the largest of
// them; of one curve the band is that of its points.
func together(curves []curve, grid []float64) []cell {
	if len(curves) == 1 {
		return curves[0].onGrid(grid)
	}
	out := make([]cell, len(grid))
	for k := range out {
		out[k] = cell{0, math.Inf(1), math.Inf(-1), 0}
	}
	for _, c := range curves {
		for k, v := range c.onGrid(grid) {
			if v.n == 0 {
				continue
			}
			o := &out[k]
			o.mean += v.mean
			o.lo, o.hi = min(o.lo, v.mean), max(o.hi, v.mean)
			o.n++
		}
	}
	for k := range out {
		out[k].mean /= float64(out[k].n) // 0/0 is NaN: nothing
	}
	return out
}
