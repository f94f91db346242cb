package parent

import "pgsrm/remote/completions"

// counter is a Parent that counts; a wrapper of one has a method Unwrap.
type counter interface {
	Counts() completions.Counts
}

// CountsOf are the counts of a parent, or of the one that it wraps; ok is false
// where nothing is counted.
func CountsOf(p Parent) (c completions.Counts, ok bool) {
	var known int64
	for p != nil {
		if counted, ok := p.(counter); ok {
			c = counted.Counts()
			c.Known = known
			return c, true
		}
		if before, ok := p.(*cached); ok {
			known = before.through.Counts().Hits
		}
		wrapper, ok := p.(interface{ Unwrap() Parent })
		if !ok {
			break
		}
		p = wrapper.Unwrap()
	}
	return completions.Counts{}, false
}
