package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/cache"
)

// cacheSizeVariable names the environment variable with the size of the cache file.
const cacheSizeVariable = "PGSRM_CACHE_SIZE"

// openCache opens the cache of --cache, else of the environment, else the default
// one. Warnings go to warn. Nothing happens to the file before it is used.
func (g *globalOptions) openCache(warn func(text string)) (*cache.Cache, error) {
	if g.opened {
		return g.cache, nil
	}
	location := g.Cache
	if strings.Contains(location, "://") && strings.Contains(location, "@") {
		return nil, inputErrorf("--cache: must not hold a password: put it into %s, or the URL into %s", cache.PasswordVariable, cache.Variable)
	}
	if location == "" {
		location = os.Getenv(cache.Variable)
	}
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	limit, err := cacheLimit(os.Getenv(cacheSizeVariable))
	if err != nil {
		return nil, inputErrorf("%s: %w", cacheSizeVariable, err)
	}
	c, err := cache.Open(location, cache.Options{Limit: limit, Warn: warn})
	if errors.Is(err, cache.ErrNoFolder) {
		warn(err.Error())
		err = nil
	}
	g.cache, g.opened = c, err == nil
	return c, inputError(err)
}

// checkLocation refuses what can be no cache: the URL of another kind of server, which
// would be taken for a file's name, and a folder.
func checkLocation(location string) error {
	scheme, _, isURL := strings.Cut(location, "://")
	if isURL && scheme != "redis" && scheme != "rediss" {
		return inputErrorf("cache: must be a file, redis://HOST:PORT, rediss://HOST:PORT or off (got %s://...)", scheme)
	}
	if st, err := os.Stat(location); err == nil && st.IsDir() {
		return inputErrorf("cache: must be a file (%s is a folder)", location)
	}
	return nil
}

// logCache is openCache with the log for its warnings.
func (g *globalOptions) logCache() (*cache.Cache, error) {
	return g.openCache(func(text string) { g.Log.Warn(text) })
}

// cacheLimit reads a size; "" is the default.
func cacheLimit(text string) (int64, error) {
	if text == "" {
		return cache.DefaultLimit, nil
	}
	return parseSize(text)
}

// sizeUnits are what a size may end with, longest first.
var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}

// parseSize reads a size such as 500MB, 4GiB or 1048576.
func parseSize(text string) (int64, error) {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil && n*u.bytes >= 1 && n*u.bytes < math.MaxInt64 {
			return int64(n * u.bytes), nil
		}
		break
	}
	return 0, fmt.Errorf("must be a size such as 500MB or 4GiB (got %q)", text)
}

// showSize is a size for readers.
func showSize(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// newCacheCommand groups the commands of the cache.
func newCacheCommand(g *globalOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look into the cache of answers and vectors, copy it, make it smaller",
		Long: `What parents and embedders that take long or cost money answered is kept in a cache: a
file on this machine, or a Redis server for many. It is the file of --cache, else of
PGSRM_CACHE, else pgsrm/cache.bolt in the user's folder for caches; redis://HOST:PORT
(password in the URL or in PGSRM_REDIS_PASSWORD) is a server; off is none. The file holds
PGSRM_CACHE_SIZE (4GiB); beyond that, what was not used for longest goes.

EXAMPLES
  pgsrm cache stats
  pgsrm cache export --kind answer > answers.cache.jsonl
  pgsrm cache prune --older-than 90d --max-size 1GiB
` + exitStatusHelp,
	}
	cmd.AddCommand(newCacheStatsCommand(g), newCacheExportCommand(g), newCacheImportCommand(g), newCachePruneCommand(g))
	return cmd
}

// needCache is the cache for a command that makes no sense without one.
func (g *globalOptions) needCache() (*cache.Cache, error) {
	c, err := g.logCache()
	if err == nil && c == nil {
		err = inputErrorf("cache: must not be off for this command; name a file or a server by --cache or %s", cache.Variable)
	}
	return c, err
}

// cacheFilter are the flags that choose entries.
type cacheFilter struct {
	Kind   string
	Source string
}

// AddFlags adds them.
func (o *cacheFilter) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Kind, "kind", "", "answer (of parents), vector (of embedders) or reward (of exec and http)")
	f.StringVar(&o.Source, "source", "", "a part of the identity of the parent or embedder, as stats shows it")
}

// filter checks the flags.
func (o *cacheFilter) filter() (cache.Filter, error) {
	k := cache.Kind(o.Kind)
	if k != "" && k != cache.Answer && k != cache.Vector && k != cache.Reward {
		return cache.Filter{}, inputErrorf("--kind: must be %s, %s or %s (got %q)", cache.Answer, cache.Vector, cache.Reward, k)
	}
	return cache.Filter{Kind: k, Source: o.Source}, nil
}

func newCacheStatsCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count the entries of the cache by source, and verify each",
		Long: `The stats command reads and verifies every entry and counts them by source. With --json it prints
{"location","entries","bytes","damaged","sources":[{"kind","source","entries","bytes","first_used","last_used"}]}.

EXAMPLES
  pgsrm cache stats
  pgsrm cache stats --cache redis://cache.lan:6379 --json
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCacheStats(cmd.Context(), g) },
	}
}

func runCacheStats(ctx context.Context, g *globalOptions) error {
	c, err := g.needCache()
	if err != nil {
		return err
	}
	s, err := c.Stats(ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(s)
	}
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s: %d entries, %s, %d damaged\n", s.Location, s.Entries, showSize(s.Bytes), s.Damaged)
	if len(s.Sources) > 0 {
		fmt.Fprintf(w, "\nkind\tentries\tsize\tlast used\tsource\n")
	}
	for _, one := range s.Sources {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", one.Kind, one.Entries, showSize(one.Bytes), one.Last.Format(time.DateOnly), one.Source)
	}
	return w.Flush()
}

func newCacheExportCommand(g *globalOptions) *cobra.Command {
	var o cacheFilter
	cmd := &cobra.Command{
		Use:   "export > FILE",
		Short: "Write the entries of the cache as JSON lines",
		Long: `The export command writes entries as JSON lines, each with a checksum, which import reads on
any machine and into a file or a server; docs/format/cache.md describes the lines.

EXAMPLES
  pgsrm cache export > all.jsonl
  pgsrm cache export --kind vector --source MiniLM > vectors.jsonl
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCacheExport(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

func runCacheExport(ctx context.Context, o cacheFilter, g *globalOptions) error {
	f, err := o.filter()
	if err != nil {
		return err
	}
	c, err := g.needCache()
	if err != nil {
		return err
	}
	n, damaged, err := c.Export(ctx, g.Stdout, f)
	if err != nil {
		return err
	}
	g.Log.Info("exported", "entries", n, "left out as damaged", damaged)
	return nil
}

func newCacheImportCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "import < FILE",
		Short: "Add the entries of an export to the cache",
		Long: `The import command adds the entries of an export, each checked against its checksum; an entry that
is there already is replaced. A bad line ends it with exit code 3; the lines before it are kept.

EXAMPLES
  pgsrm cache import < all.jsonl
  pgsrm cache export --cache old.bolt | pgsrm cache import --cache redis://cache.lan:6379
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCacheImport(cmd.Context(), g) },
	}
}

func runCacheImport(ctx context.Context, g *globalOptions) error {
	c, err := g.needCache()
	if err != nil {
		return err
	}
	g.sayReading("the lines of cache export")
	n, err := c.Import(ctx, interruptible(ctx, g.Stdin))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, cache.ErrImport) {
		return inputError(err)
	}
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(map[string]int{"entries": n})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d entries added\n", c.Name(), n)
	return err
}

// cachePruneOptions are the flags of cache prune.
type cachePruneOptions struct {
	cacheFilter
	OlderThan string
	MaxSize   string
	All       bool
	DryRun    bool
}

func newCachePruneCommand(g *globalOptions) *cobra.Command {
	var o cachePruneOptions
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove entries from the cache",
		Long: `The prune command removes the entries that match all of --kind, --source and --older-than (time
since the last use, known to a day), then those not used for longest until the rest has --max-size;
damaged entries go too. A cache file is then rewritten without gaps; other processes work
without it meanwhile. Files that were set aside (*.corrupt-*) are left alone: delete them by hand.
With --json it prints {"removed","removed_bytes","damaged","left","left_bytes"}.

EXAMPLES
  pgsrm cache prune --older-than 90d
  pgsrm cache prune --kind answer --source openai:old-model@ --dry-run
  pgsrm cache prune --max-size 500MB
  pgsrm cache prune --all
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCachePrune(cmd.Context(), o, time.Now(), g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// AddFlags adds the flags of cache prune.
func (o *cachePruneOptions) AddFlags(f *pflag.FlagSet) {
	o.cacheFilter.AddFlags(f)
	f.StringVar(&o.OlderThan, "older-than", "", "not used for this long: days such as 90d, or hours such as 36h")
	f.StringVar(&o.MaxSize, "max-size", "", "size of what may stay, such as 500MB or 4GiB")
	f.BoolVar(&o.All, "all", false, "remove everything")
	f.BoolVar(&o.DryRun, "dry-run", false, "say what would be removed, and remove nothing")
}

// choice is what the flags choose: a filter, if any, and a size, 0 for none.
func (o *cachePruneOptions) choice(now time.Time) (f cache.Filter, choose bool, limit int64, err error) {
	if f, err = o.filter(); err != nil {
		return f, false, 0, err
	}
	if o.OlderThan != "" {
		age, err := parseAge(o.OlderThan)
		if err != nil {
			return f, false, 0, inputErrorf("--older-than: %w", err)
		}
		f.Before = now.Add(-age)
	}
	if o.MaxSize != "" {
		if limit, err = parseSize(o.MaxSize); err != nil {
			return f, false, 0, inputErrorf("--max-size: %w", err)
		}
	}
	chosen := f != cache.Filter{}
	switch {
	case o.All && (chosen || limit > 0):
		err = inputErrorf("--all: must be used alone")
	case !o.All && !chosen && limit == 0:
		err = inputErrorf("cache prune: must be told what to remove: --older-than, --max-size, --kind, --source or --all")
	}
	return f, chosen || o.All, limit, err
}

// parseAge reads days such as 90d, or a duration.
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n < 36500 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, fmt.Errorf("must be days such as 90d, or a time such as 36h (got %q)", text)
}

func runCachePrune(ctx context.Context, o cachePruneOptions, now time.Time, g *globalOptions) error {
	f, choose, limit, err := o.choice(now)
	if err != nil {
		return err
	}
	c, err := g.needCache()
	if err != nil {
		return err
	}
	p, err := c.Prune(ctx, f, choose, limit, o.DryRun)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(p)
	}
	done := "removed"
	if o.DryRun {
		done = "would be removed"
	}
	_, err = fmt.Fprintf(g.Stdout, "%s: %d entries %s (%s), %d left (%s)\n",
		c.Name(), p.Removed+p.Damaged, done, showSize(p.RemovedBytes), p.Left, showSize(p.LeftBytes))
	return err
}
