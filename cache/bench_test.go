package cache

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// vectors is a file with n vectors of 384 numbers, and their keys.
func vectors(b *testing.B, n int) (*Cache, []Key) {
	b.Helper()
	c, _ := opened(b, filepath.Join(b.TempDir(), "cache.bolt"), Options{})
	keys := make([]Key, n)
	value := make([]byte, 4*384)
	for i := range keys {
		keys[i] = NewKey(Vector, "source", fmt.Sprint(i))
		c.Put(Vector, "source", keys[i], value)
		if i%2000 == 1999 {
			if err := c.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := c.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	return c, keys
}

// Reads from the file, a batch of a training step at a time.
func BenchmarkGet(b *testing.B) {
	for _, batch := range []int{1, 128} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			c, keys := vectors(b, 20000)
			b.ResetTimer()
			for i := 0; i < b.N; i += batch {
				at := i * 31 % (len(keys) - batch)
				for _, v := range c.Get(context.Background(), keys[at:at+batch]) {
					if v == nil {
						b.Fatal("missing")
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}

// Writes of 1000 vectors, each one transaction with one sync.
func BenchmarkPut(b *testing.B) {
	c, _ := opened(b, filepath.Join(b.TempDir(), "cache.bolt"), Options{})
	value := make([]byte, 4*384)
	for i := range b.N {
		c.Put(Vector, "source", NewKey(Vector, "source", fmt.Sprint(i)), value)
		if i%1000 == 999 {
			if err := c.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}
