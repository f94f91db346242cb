package reward

import "math"

// similarity is what the semantic terms of one sample are functions of.
type similarity struct {
	cos  float64   // e(c).e(p)
	mc   float64   // m(c), mean over u in U of e(c).e(u)
	mp   float64   // m(p)
	rc   float64   // r(c), mean cosine with the nearest of U, for csls
	rp   float64   // r(p)
	xp   float64   // e(x).e(p), x the input; -1 where there is none
	xc   float64   // e(x).e(c), likewise
	same bool      // whether x and p are the same answer
	logZ []float64 // for each contrastive term: log of the sum over u in U of exp(e(c).e(u)/tau)
}

// cosine is max(0, cos)^alpha (arXiv 2512.06920, text).
func cosine(cos, alpha float64) float64 { return math.Pow(math.Max(0, cos), alpha) }

// shifted is ((1+cos)/2)^alpha (arXiv 2512.06920, notebooks).
func shifted(cos, alpha float64) float64 { return math.Pow(math.Max(0, (1+cos)/2), alpha) }

// euclidean is 1 - ||e(c)-e(p)||, clipped to [-1,1]; for unit vectors the
// distance is sqrt(2-2cos).
func euclidean(cos float64) float64 {
	return clip(1-math.Sqrt(math.Max(0, 2-2*cos)), -1, 1)
}

// calibrated is clip((cos-b)/(1-b), 0, 1)^alpha, with b the mean cos of two
// different parent answers.
func calibrated(cos, b, alpha float64) float64 {
	return math.Pow(clip((cos-b)/(1-b), 0, 1), alpha)
}

// centered is clip((cos-m(c)) / (1-m(p)), 0, 1)^alpha.
func centered(cos, mc, mp, alpha float64) float64 {
	return math.Pow(clip((cos-mc)/(1-mp), 0, 1), alpha)
}

// moved is clip((cos-b)/(1-b), 0, 1)^alpha with b = max(e(x).e(p), m(c)): nothing is paid
// for what the input x would earn unchanged, or any answer. Where the input is what is
// asked for, and where nothing is left above b, it is centered.
func moved(s similarity, alpha float64) float64 {
	b := math.Max(s.xp, s.mc)
	if s.same || b >= 1 {
		return centered(s.cos, s.mc, s.mp, alpha)
	}
	return math.Pow(clip((s.cos-b)/(1-b), 0, 1), alpha)
}

// nearer is clip((cos-max(e(x).e(c), m(c))) / (1-max(e(x).e(p), m(p))), 0, 1)^alpha: an answer
// must be nearer to the reference than to the input x, and than to the answers as a whole.
// Where the input is what is asked for it is centered.
func nearer(s similarity, alpha float64) float64 {
	rival, most := math.Max(s.xc, s.mc), math.Max(s.xp, s.mp)
	if s.same || most >= 1 {
		return centered(s.cos, s.mc, s.mp, alpha)
	}
	return math.Pow(clip((s.cos-rival)/(1-most), 0, 1), alpha)
}

// csls is clip((2cos-r(c)-r(p)) / (2-2r(p)), 0, 1)^alpha, with r(x) the mean cosine of x with the
// nearest references: what is near to everything earns less (Conneau et al. 2018, scaled).
func csls(s similarity, alpha float64) float64 {
	if s.rp >= 1 {
		return cosine(s.cos, alpha)
	}
	return math.Pow(clip((2*s.cos-s.rc-s.rp)/(2-2*s.rp), 0, 1), alpha)
}

// contrastive is exp(cos/tau) / sum over u in U of exp(e(c).e(u)/tau). A
// reference outside U (logZ < cos/tau is then possible) is held at 1.
func contrastive(cos, tau, logZ float64) float64 { return math.Min(1, math.Exp(cos/tau-logZ)) }

// domain is min(m(c), m0): it leads towards the answers as a whole and pays
// nothing for going beyond their typical similarity m0.
func domain(mc, m0 float64) float64 { return math.Min(mc, m0) }

func clip(x, lo, hi float64) float64 { return math.Min(hi, math.Max(lo, x)) }
