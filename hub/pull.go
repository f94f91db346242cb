package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"pgsrm/remote"
)

// ErrInput is wrapped by what the caller has to mend: the name, the revision, a
// missing permission, a model that is of no use here.
var ErrInput = errors.New("hub: bad request")

// inputErrorf is a formatted error that is ErrInput, without a word more.
func inputErrorf(format string, args ...any) error {
	return inputError{fmt.Errorf(format, args...)}
}

type inputError struct{ error }

func (e inputError) Unwrap() []error { return []error{e.error, ErrInput} }

// Event is progress of one file.
type Event struct {
	File string // path within the model
	Size int64  // bytes
	Have int64  // bytes that are here
	Done bool   // checked and in its place
}

// File is one file of a pulled model.
type File struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Fetched int64  `json:"fetched"` // bytes that came over the network now
}

// Result is what a pull came to.
type Result struct {
	Name     string `json:"name"`
	Revision string `json:"revision"`
	Commit   string `json:"commit"`
	Path     string `json:"path"` // the snapshot's folder
	Files    []File `json:"files"`
}

// Deps are what tests replace, and who is told of progress.
type Deps struct {
	remote.Deps
	Include string      // pattern of path.Match for the files of a data set; "" = all
	Watch   func(Event) // called from several goroutines, one at a time; nil = nobody
}

// files that are fetched at once.
const concurrency = 4

// client is one pull.
type client struct {
	name     string
	endpoint *url.URL
	token    string
	deps     Deps
	http     *http.Client
	store    store
	mu       sync.Mutex // of Watch
}

// Pull fetches the files of a model, ORG/NAME, at a revision (a branch, a tag or a
// commit; "" = main) that this program or sentence-transformers reads, or the files of
// rows of a data set, datasets/ORG/NAME. What the cache
// has already is not fetched again. The hub is HF_ENDPOINT, the token HF_TOKEN or
// the file that logging in leaves in HF_HOME, the cache lm.HubCache.
func Pull(ctx context.Context, name, revision string, deps Deps) (Result, error) {
	revision = cmp.Or(revision, "main")
	c, err := newClient(name, revision, deps)
	if err != nil {
		return Result{}, err
	}
	list, err := c.list(ctx, revision)
	if err != nil {
		return Result{}, c.failed(err)
	}
	res := Result{Name: name, Revision: revision, Commit: list.commit, Path: c.store.snapshot(list.commit)}
	if res.Files, err = c.fetchAll(ctx, list); err != nil {
		return res, c.failed(err)
	}
	if err := c.store.setRef(revision, list.commit); err != nil {
		return res, c.failed(err)
	}
	return res, nil
}

// failed names the model in an error. What a server put into it, such as the host of
// a redirect, must not show the token.
func (c *client) failed(err error) error {
	text := err.Error()
	switch {
	case c.token == "" || !strings.Contains(text, c.token):
		return fmt.Errorf("pull %s: %w", c.name, err)
	case errors.Is(err, ErrInput):
		return inputErrorf("pull %s: %s", c.name, remote.Excerpt(text, c.token))
	}
	return fmt.Errorf("pull %s: %s", c.name, remote.Excerpt(text, c.token))
}

// newClient reads the environment.
func newClient(name, revision string, deps Deps) (*client, error) {
	if err := checkName(name, revision); err != nil {
		return nil, inputError{err}
	}
	for element := range strings.SplitSeq(revision, "/") {
		if err := checkFilename(element); err != nil {
			return nil, inputErrorf("hf:%s: revision %q: each part %w", name, revision, err)
		}
	}
	deps.Deps = deps.Deps.Filled(concurrency)
	if offline := deps.Getenv("HF_HUB_OFFLINE"); offline != "" && offline != "0" {
		return nil, inputErrorf("pull %s: HF_HUB_OFFLINE must not be set (got %q)", name, offline)
	}
	endpoint, err := url.Parse(cmp.Or(strings.TrimRight(deps.Getenv("HF_ENDPOINT"), "/"), "https://huggingface.co"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.User != nil || endpoint.RawQuery != "" {
		return nil, inputErrorf("pull %s: HF_ENDPOINT must be http://HOST or https://HOST (got %q)", name, remote.Redact(deps.Getenv("HF_ENDPOINT")))
	}
	cache, err := cacheOf(deps.Getenv)
	if err != nil {
		return nil, err
	}
	c := &client{name: name, endpoint: endpoint, token: token(deps.Getenv), deps: deps}
	c.store = store{filepath.Join(cache, repoName(name)), filepath.Join(cache, ".locks", repoName(name))}
	c.http = &http.Client{Transport: deps.Transport, CheckRedirect: c.checkRedirect}
	return c, nil
}

// token is HF_TOKEN, else what the file of a login holds, else "".
func token(getenv func(string) string) string {
	if t := strings.TrimSpace(getenv("HF_TOKEN")); t != "" {
		return t
	}
	path := getenv("HF_TOKEN_PATH")
	if path == "" {
		home, err := homeOf(getenv)
		if err != nil {
			return ""
		}
		path = filepath.Join(home, "token")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "" // no login
	}
	return strings.TrimSpace(string(text))
}

// tell reports progress.
func (c *client) tell(e Event) {
	if c.deps.Watch != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.deps.Watch(e)
	}
}

// fetchAll brings all files of the list here, several at once, and returns them
// in the order of the list. The first error in that order counts.
func (c *client) fetchAll(ctx context.Context, list listing) ([]File, error) {
	names, err := c.wanted(ctx, list)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	files, errs := make([]File, len(names)), make([]error, len(names))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(concurrency, len(names)) {
		all.Go(func() {
			for i := range next {
				if files[i], errs[i] = c.fetch(ctx, list, names[i]); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	all.Wait()
	return files, firstCause(errs)
}

// firstCause is the first error that is not the end of the others: one that
// failed stops them.
func firstCause(errs []error) error {
	var stopped error
	for _, err := range errs {
		switch {
		case err == nil:
		case !errors.Is(err, context.Canceled):
			return err
		case stopped == nil:
			stopped = err
		}
	}
	return stopped
}
