package stats

// Area is the area under a learning curve over the episodes it spans by trapezoids,
// divided by that span: its mean height, in the unit of the values. Episodes rise. One
// point, and points at one episode, give the last value. It panics on no point.
func Area(episodes, values []float64) float64 {
	mustPair(len(episodes), len(values))
	mustNumbers(values)
	last := len(values) - 1
	span := episodes[last] - episodes[0]
	if span == 0 {
		return values[last]
	}
	sum := 0.0
	for i := 1; i <= last; i++ {
		sum += (episodes[i] - episodes[i-1]) * (values[i] + values[i-1]) / 2
	}
	return sum / span
}

// EpisodesTo is the episode of the first point at or above a level; ok = false where there
// is none.
func EpisodesTo(level float64, episodes, values []float64) (episode float64, ok bool) {
	mustPair(len(episodes), len(values))
	mustNumbers(values)
	for i, v := range values {
		if v >= level {
			return episodes[i], true
		}
	}
	return 0, false
}

// CurveStretches is in how many stretches a curve of training is looked at for falls and stagnation.
const CurveStretches = 50

// Stretches averages a series in at most n stretches of equal length, so that the noise of
// single updates does not count as falling.
func Stretches(values []float64, n int) []float64 {
	n = min(n, len(values))
	out := make([]float64, n)
	for k := range out {
		from, to := k*len(values)/n, (k+1)*len(values)/n
		for _, v := range values[from:to] {
			out[k] += v / float64(to-from)
		}
	}
	return out
}

// FallingShare is the share of steps of a series that go down; 0 without steps.
func FallingShare(values []float64) float64 {
	mustNumbers(values)
	if len(values) < 2 {
		return 0
	}
	falls := 0
	for i := 1; i < len(values); i++ {
		if values[i] < values[i-1] {
			falls++
		}
	}
	return float64(falls) / float64(len(values)-1)
}

// LongestStagnation is the longest stretch of a series without a new maximum, as a share
// of all its steps; 0 without steps, 1 where no value is above the first.
func LongestStagnation(values []float64) float64 {
	mustNumbers(values)
	if len(values) < 2 {
		return 0
	}
	best, since, longest := values[0], 0, 0
	for _, v := range values[1:] {
		if v > best {
			best, since = v, 0
			continue
		}
		since++
		longest = max(longest, since)
	}
	return float64(longest) / float64(len(values)-1)
}
