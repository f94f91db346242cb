package report

import (
	"cmp"
	"slices"
)

// curvePoint is the mean over seeds at one place of a learning curve.
type curvePoint struct {
	Episode float64
	Mean    float64
	Lo, Hi  float64 // 95% t interval over the seeds; both Mean where N < 2
	N       int     // seeds that have a value here
}

// curveStretches is the most points a curve has: longer series are averaged
// within as many stretches of equal length. Of many runs, the metrics that are folded
// away have fewStretches.
const curveStretches, fewStretches = 60, 30

// curves returns the learning curve of each seed, on one grid of episodes, and
// the curve of their mean.
func (a *Arm) curves(metric string, lim limits, stretches int) (seeds [][]Point, middle []curvePoint) {
	grid := a.grid(metric, stretches)
	for _, r := range a.Runs {
		if points := r.Series[metric]; len(points) > 0 {
			seeds = append(seeds, onGrid(points, grid))
		}
	}
	for _, at := range grid {
		var values []float64
		for _, s := range seeds {
			if i, found := slices.BinarySearchFunc(s, at, byEpisode); found {
				values = append(values, s[i].Value)
			}
		}
		if len(values) == 0 {
			continue
		}
		e := estimate(values, lim)
		p := curvePoint{Episode: float64(at), Mean: e.Mean, Lo: e.Mean, Hi: e.Mean, N: len(values)}
		if e.CI95 != nil {
			p.Lo, p.Hi = e.CI95[0], e.CI95[1]
		}
		middle = append(middle, p)
	}
	return seeds, middle
}

func byEpisode(p Point, at int) int { return cmp.Compare(p.Episode, at) }

// grid is the episodes at which the arm has values of a metric, or the ends of
// that many equal stretches where there are more of them.
func (a *Arm) grid(metric string, stretches int) []int {
	var grid []int
	for _, r := range a.Runs {
		for _, p := range r.Series[metric] {
			grid = append(grid, p.Episode)
		}
	}
	slices.Sort(grid)
	grid = slices.Compact(grid)
	if len(grid) <= stretches {
		return grid
	}
	last := grid[len(grid)-1]
	even := make([]int, stretches)
	for i := range even {
		even[i] = (i + 1) * last / stretches
	}
	return even
}

// onGrid averages a series within the stretches that end at the grid's
// episodes; stretches without a value are left out.
func onGrid(points []Point, grid []int) []Point {
	var out []Point
	i := 0
	for _, at := range grid {
		sum, n := 0.0, 0
		for ; i < len(points) && points[i].Episode <= at; i++ {
			sum += points[i].Value
			n++
		}
		if n > 0 {
			out = append(out, Point{Episode: at, Value: sum / float64(n)})
		}
	}
	return out
}
