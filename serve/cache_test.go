package serve

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"pgsrm/cache"
	"pgsrm/embed"
	"pgsrm/remote/remotetest"
)

// Two servers that share a cache give the same rewards, and go on giving them while the cache
// is away.
func TestCacheAway(t *testing.T) {
	vectors := remotetest.New(t, remotetest.Embeddings(16)).URL()
	redis := miniredis.RunT(t)
	replica := func() *started {
		c, err := cache.Open("redis://"+redis.Addr(), cache.Options{Warn: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		e, err := embed.Open("openai:m@"+vectors, embed.Options{Cache: c})
		if err != nil {
			t.Fatal(err)
		}
		return start(t, nil, fixture(t, "default", "centered", e))
	}
	first, second := replica(), replica()
	ask := func(s *started, n int) float64 {
		status, text := s.post(t, "/slime", fmt.Sprintf(`{"prompt":"p","response":"answer %d","label":"cold"}`, n))
		x, err := strconv.ParseFloat(text[:len(text)-1], 64)
		if status != 200 || err != nil {
			t.Errorf("%d %s", status, text)
		}
		return x
	}
	const n = 120
	rewards := make([][2]float64, n)
	var all sync.WaitGroup
	for i := range n {
		if i == n/2 {
			all.Wait()
			redis.Close()
		}
		for k, s := range []*started{first, second} {
			all.Go(func() { rewards[i][k] = ask(s, i) })
		}
	}
	all.Wait()
	different := map[float64]bool{}
	for i, r := range rewards {
		different[r[0]] = true
		if r[0] != r[1] {
			t.Errorf("answer %d: %v and %v", i, r[0], r[1])
		}
	}
	if len(different) < 3 {
		t.Errorf("only the rewards %v", different)
	}
}
