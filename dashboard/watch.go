package dashboard

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pgsrm/run"
)

// mostRuns is the most runs that are followed.
const mostRuns = 5000

// board is the runs at or below a folder.
type board struct {
	root string

	mu      sync.RWMutex
	runs    []*live // by name
	byID    map[string]*live
	version uint64        // rises with every change
	changed chan struct{} // closed at the next change
	problem string        // why the folder cannot be searched
	loading int           // runs whose files have not been read yet
}

func newBoard(root string) *board {
	return &board{root: root, byID: map[string]*live{}, changed: make(chan struct{})}
}

// bump tells those who wait that something is new.
func (b *board) bump() {
	b.mu.Lock()
	b.version++
	close(b.changed)
	b.changed = make(chan struct{})
	b.mu.Unlock()
}

// wait returns the version, and what is closed once there is another.
func (b *board) wait() (version uint64, changed <-chan struct{}) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.version, b.changed
}

// all are the runs.
func (b *board) all() []*live {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.runs)
}

// of is the run with an id, nil where there is none.
func (b *board) of(id string) *live {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byID[id]
}

// watch follows the runs until the context ends. found is called after each pass with the
// runs in which something is new.
func (b *board) watch(ctx context.Context, every time.Duration, found func(news []*live)) {
	var searched time.Time
	pause := time.Duration(0)
	for {
		if time.Since(searched) >= pause {
			began := time.Now()
			b.search()
			// A search of a large tree takes at most a twentieth of the time.
			searched, pause = time.Now(), max(3*every, 20*time.Since(began))
		}
		if news := b.follow(ctx); len(news) > 0 {
			b.bump()
			found(news)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// search finds what runs there are.
func (b *board) search() {
	dirs, err := run.Find(b.root)
	problem := ""
	if err != nil {
		problem = clip(strings.Join(strings.Fields(err.Error()), " "), longestText)
	} else if len(dirs) > mostRuns {
		problem = "there are more than 5000 runs: the others are left out"
		dirs = dirs[:mostRuns]
	}
	there := map[string]bool{}
	var fresh []*live
	for _, dir := range dirs {
		r := newLive(b.root, dir)
		there[r.id] = true
		if b.of(r.id) == nil {
			fresh = append(fresh, r)
		}
	}
	each(fresh, (*live).peek)
	b.mu.Lock()
	before := len(b.runs)
	b.runs = slices.DeleteFunc(b.runs, func(r *live) bool { return !there[r.id] })
	gone := before - len(b.runs)
	b.runs = append(b.runs, fresh...)
	slices.SortFunc(b.runs, func(x, y *live) int { return cmp.Compare(x.name, y.name) })
	clear(b.byID)
	for _, r := range b.runs {
		b.byID[r.id] = r
	}
	news := gone > 0 || len(fresh) > 0 || problem != b.problem
	b.problem = problem
	b.loading += len(fresh)
	b.mu.Unlock()
	if news {
		b.bump()
	}
}

// follow reads what all runs have more, and returns those that had something. What is new
// is begun first: the list is complete before the long files are read.
func (b *board) follow(ctx context.Context) []*live {
	var mu sync.Mutex
	told := time.Now()
	// pass goes through the runs, and tells of news in a pass that takes long.
	pass := func(look func(r *live) bool) (news []*live) {
		each(b.all(), func(r *live) {
			if ctx.Err() != nil || !look(r) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			news = append(news, r)
			if time.Since(told) > 500*time.Millisecond {
				told = time.Now()
				b.bump()
			}
		})
		return news
	}
	if begun := pass((*live).begin); len(begun) > 0 {
		b.bump()
	}
	news := pass(func(r *live) bool { return r.follow(time.Now()) })
	b.mu.Lock()
	b.loading = 0
	b.mu.Unlock()
	return news
}

// each calls do for all runs, several at a time.
func each(runs []*live, do func(r *live)) {
	next := make(chan *live)
	var wg sync.WaitGroup
	for range min(len(runs), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for r := range next {
				do(r)
			}
		})
	}
	for _, r := range runs {
		next <- r
	}
	close(next)
	wg.Wait()
}
