package bench

import (
	"math"
	"testing"

	"pgsrm/kernel"
)

// The shares are relative to the first size, by token and layer.
func TestScale(t *testing.T) {
	pool := kernel.NewPool(1)
	defer pool.Close()
	s := &session{Options: Options{Repeat: 1, Threads: 1}, pool: pool}
	rows, err := s.scale(t.Context(), 3, func(sh *shape, i int) {
		_, *sh = tiny()
		sh.batch, sh.layers = 4<<i, 1+i
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Share != 1 {
		t.Fatalf("got %+v", rows)
	}
	for i, r := range rows {
		if r.Batch != 4<<i || r.Layers != 1+i || r.Tokens < r.Batch || !(r.Seconds > 0) {
			t.Errorf("row %d: got %+v", i, r)
		}
		if want := r.Seconds / float64(r.Tokens*r.Layers) / rows[0].PerUnit; math.Abs(r.Share-want) > 1e-9*want {
			t.Errorf("row %d: share %v, want %v", i, r.Share, want)
		}
	}
}
