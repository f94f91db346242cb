package embed

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// The vectors are fixed for ever, since runs that used them are to be repeated. The
// numbers were computed once by this code; the last bit is the machine's.
func TestRandomGolden(t *testing.T) {
	e, err := Open("random:4", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]float32{
		"red":        {0.877648, -0.23094913, 0.18217188, -0.37843087},
		"a warm day": {-0.12470245, -0.7382143, -0.6556544, 0.09801148},
	} {
		r := e.Embed(t.Context(), []string{text})[0]
		near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }
		if r.Err != nil || !slices.EqualFunc(r.Vector, want, near) {
			t.Errorf("%q: got %v, %v, want %v", text, r.Vector, r.Err, want)
		}
	}
}

// Different texts are as good as orthogonal, the same one has one vector whatever its
// case, its margins and its neighbours.
func TestRandomDirections(t *testing.T) {
	e, err := Open("random", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.Identity(), (Identity{Model: "random:1", Pooling: "text-hash", Normalize: true, Dim: 384}); got != want {
		t.Errorf("identity: got %+v, want %+v", got, want)
	}
	var texts []string
	for i := range 200 {
		texts = append(texts, fmt.Sprintf("text %d", i))
	}
	all := e.Embed(t.Context(), texts)
	var sum, squares, n float64
	for i, r := range all {
		if math.Abs(Dot(r.Vector, r.Vector)-1) > 1e-6 {
			t.Errorf("%q: length %v", texts[i], Dot(r.Vector, r.Vector))
		}
		for _, s := range all[:i] {
			c := Dot(r.Vector, s.Vector)
			sum, squares, n = sum+c, squares+c*c, n+1
		}
	}
	if mean := sum / n; math.Abs(mean) > 0.002 { // 6 deviations: 1/sqrt(384*19900) each
		t.Errorf("mean cosine: got %v", mean)
	}
	if d := math.Sqrt(384 * squares / n); math.Abs(d-1) > 0.05 {
		t.Errorf("deviation of the cosine: got %v/sqrt(384)", d)
	}
	again := e.Embed(t.Context(), []string{"TEXT 7\n", "", "  "})
	if !slices.Equal(again[0].Vector, all[7].Vector) {
		t.Error("case and white space around a text must not count")
	}
	for _, r := range again[1:] {
		if !errors.Is(r.Err, ErrNoMeaning) {
			t.Errorf("empty: got %v", r.Err)
		}
	}
}

func TestRandomDim(t *testing.T) {
	for _, spec := range []string{"random:1", "random:4097", "random:", "random:x", "random:9999999999999999999"} {
		want := fmt.Sprintf("embed: random: must be random:DIM with 2 to 4096 numbers (got %q)", spec)
		if _, err := Open(spec, Options{}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := CheckSpec(spec); err == nil {
			t.Errorf("%s: the check of a configuration must refuse it", spec)
		}
	}
	if e, err := Open("random:2", Options{}); err != nil || e.Identity().Dim != 2 {
		t.Errorf("got %v", err)
	}
}
