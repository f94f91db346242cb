package bench

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

// tinySizes is two series of shapes that take no time.
func tinySizes() sizes {
	_, b := tiny()
	return sizes{shape: b, batches: []int{4, 8}, layers: []int{1, 2, 3}}
}

// Two series, each relative to its first size, by token and layer.
func TestScale(t *testing.T) {
	rows, err := tinySizes().measure(t.Context(), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]int{{4, 1}, {8, 1}, {8, 1}, {8, 2}, {8, 3}} // batch, layers
	want[2][0], want[3][0], want[4][0] = tinySizes().batch, tinySizes().batch, tinySizes().batch
	if len(rows) != len(want) {
		t.Fatalf("got %+v", rows)
	}
	first := 0
	for i, r := range rows {
		if i == 2 {
			first = i
		}
		tokens := 0
		sh := tinySizes().shape
		sh.batch = r.Batch
		for _, n := range sh.tree(1) {
			tokens += n
		}
		// Samples that begin alike share rows.
		if r.Batch != want[i][0] || r.Layers != want[i][1] || r.Threads != 2 || r.Tokens > tokens || r.Tokens < r.Batch || !(r.Seconds > 0) {
			t.Errorf("row %d: got %+v, want %v and at most %d tokens", i, r, want[i], tokens)
		}
		if want := r.Seconds / float64(r.Tokens*r.Layers); math.Abs(r.PerUnit-want) > 1e-9*want {
			t.Errorf("row %d: got %v a token and layer, want %v", i, r.PerUnit, want)
		}
		if want := r.PerUnit / rows[first].PerUnit; math.Abs(r.Share-want) > 1e-9*want {
			t.Errorf("row %d: share %v, want %v", i, r.Share, want)
		}
	}
}

// An interrupt ends the measurement and says where.
func TestScaleInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, threads := range []int{1, 2} {
		rows, err := Scale(ctx, threads, 1)
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "batch 16, 4 layers: ") || len(rows) > 0 {
			t.Errorf("got %v and %d rows", err, len(rows))
		}
	}
}
