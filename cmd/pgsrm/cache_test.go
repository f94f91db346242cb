package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgsrm/cache"
	"pgsrm/config"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "1B": 1, "1.5kB": 1500, "2KiB": 2048, "500MB": 500e6, "3 MiB": 3 << 20, "4GiB": 4 << 30, "0.5GB": 5e8, "1TB": 1e12, "1TiB": 1 << 40,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "0.5", "-1", "MB", "4 G", "1e30TB", "nan", "inf", "4GiBs"} {
		if got, err := parseSize(text); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(got %q)", text)) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestShowSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_500_000: "1.5 MB", 12_000_000_000: "12.0 GB"} {
		if got := showSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"0d": 0, "90d": 90 * 24 * time.Hour, "1.5d": 36 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "nand", "36500d", "soon", "90"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What prune removes: a filter, a size, both, or all, but never nothing in particular.
func TestPruneChoice(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		o      cachePruneOptions
		before time.Time
		choose bool
		limit  int64
	}{
		{cachePruneOptions{OlderThan: "30d"}, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), true, 0},
		{cachePruneOptions{MaxSize: "1kB"}, time.Time{}, false, 1000},
		{cachePruneOptions{MaxSize: "1kB", cacheFilter: cacheFilter{Source: "x"}}, time.Time{}, true, 1000},
		{cachePruneOptions{cacheFilter: cacheFilter{Kind: "answer"}}, time.Time{}, true, 0},
		{cachePruneOptions{All: true}, time.Time{}, true, 0},
	} {
		f, choose, limit, err := c.o.choice(now)
		if err != nil || !f.Before.Equal(c.before) || choose != c.choose || limit != c.limit || string(f.Kind) != c.o.Kind || f.Source != c.o.Source {
			t.Errorf("%+v: %+v %v %d %v", c.o, f, choose, limit, err)
		}
	}
	for want, o := range map[string]cachePruneOptions{
		"--all: must be used alone":      {All: true, MaxSize: "1kB"},
		"cache prune: must be told":      {},
		"--max-size: must be a size":     {MaxSize: "x"},
		"--older-than: must be days":     {OlderThan: "x"},
		"--kind: must be answer, vector": {cacheFilter: cacheFilter{Kind: "x"}, All: true},
	} {
		if _, _, _, err := o.choice(now); err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, config.ErrBad) {
			t.Errorf("%+v: error %v, want %s", o, err, want)
		}
	}
}

// The flag goes before the environment, and the environment before the default place.
func TestCacheLocation(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cache.Variable, filepath.Join(dir, "environment"))
	for flag, want := range map[string]string{"": "environment", filepath.Join(dir, "flag"): "flag"} {
		g := globalOptions{Cache: flag}
		c, err := g.openCache(func(string) {})
		if err != nil || filepath.Base(c.Name()) != want {
			t.Errorf("flag %q: %v, %v", flag, c.Name(), err)
		}
		again, err := g.openCache(func(string) {})
		if err != nil || again != c {
			t.Errorf("flag %q: must be opened once (%v)", flag, err)
		}
		c.Close()
	}
	t.Setenv(cacheSizeVariable, "much")
	g := globalOptions{Cache: filepath.Join(dir, "x")}
	if _, err := g.openCache(func(string) {}); exitCode(err) != exitInput {
		t.Errorf("size: error %v", err)
	}
}
