package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pgsrm/internal/durable"
	"pgsrm/remote"
)

// How often and how long: attempts after one that got farther than any before.
const (
	attempts  = 6
	wrongSums = 3                // whole files in vain, after which there is no further attempt
	silence   = 60 * time.Second // without a byte, after which an attempt has failed
	lockEvery = 200 * time.Millisecond
)

// fetch brings one file of the list here and links it into the snapshot.
func (c *client) fetch(ctx context.Context, list listing, name string) (File, error) {
	e := list.files[name]
	if e.sum == "" || e.size < 0 {
		var err error
		if e, err = c.head(ctx, list.commit, e); err != nil {
			return File{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	f := File{Name: name, Size: e.size}
	unlock, err := c.lock(ctx, e.sum)
	if err != nil {
		return f, fmt.Errorf("%s: %w", name, err)
	}
	defer unlock()
	if !c.store.has(e.sum, e.size) {
		if f.Fetched, err = c.download(ctx, list.commit, e); err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := c.store.link(list.commit, name, e.sum); err != nil {
		return f, err
	}
	c.tell(Event{File: name, Size: e.size, Have: e.size, Done: true})
	return f, nil
}

// lock waits until no other program fetches the same content.
func (c *client) lock(ctx context.Context, sum string) (unlock func(), err error) {
	for _, dir := range []string{c.store.locks, filepath.Join(c.store.dir, "blobs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
	for {
		l, err := durable.TryLock(filepath.Join(c.store.locks, sum+".lock"), 0o644)
		if err == nil {
			return func() { l.Release() }, nil
		}
		if errors.Is(err, durable.ErrHeld) {
			err = c.deps.Sleep(ctx, lockEvery)
		}
		if err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
}

// download brings a file's content here, attempt by attempt, each resuming where
// the one before broke off. It returns the bytes that came over the network.
func (c *client) download(ctx context.Context, commit string, e entry) (fetched int64, err error) {
	p, err := openPartial(c.store.blob(e.sum)+".incomplete", e)
	if err != nil {
		return 0, err
	}
	defer p.close()
	best, wrong := p.have, 0
	err = c.retry(ctx, func(int) (farther bool, err error) {
		c.tell(Event{File: e.name, Size: e.size, Have: p.have})
		n, err := c.attempt(ctx, commit, e, p)
		fetched += n
		if err == nil {
			err = p.check()
		}
		if errors.Is(err, errSum) {
			if wrong++; wrong == wrongSums {
				err = remote.Permanent(err)
			}
		}
		farther, best = p.have > best, max(p.have, best)
		return farther, err
	})
	if err != nil {
		return fetched, err
	}
	return fetched, p.finish(c.store.blob(e.sum))
}

// retry repeats an attempt as package remote does. The end of the context is the
// error where that stopped it.
func (c *client) retry(ctx context.Context, attempt func(n int) (farther bool, err error)) error {
	err := remote.Retry{Attempts: attempts, Now: c.deps.Now, Sleep: c.deps.Sleep, Jitter: c.deps.Jitter}.Do(ctx, attempt)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// attempt asks for what is missing and appends it; it returns how much came.
func (c *client) attempt(ctx context.Context, commit string, e entry, p *partial) (int64, error) {
	if p.have == e.size {
		return 0, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := c.request(ctx, http.MethodGet, commit, e.name)
	if err != nil {
		return 0, err
	}
	if p.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
	}
	idle := time.AfterFunc(silence, func() { cancel(fmt.Errorf("no byte within %v", silence)) })
	defer idle.Stop()
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, broken(ctx, err)
	}
	defer resp.Body.Close()
	if err := c.begin(resp, e, p); err != nil {
		return 0, err
	}
	from := p.have
	_, err = io.Copy(p, progressReader{resp.Body, func(n int) {
		idle.Reset(silence)
		c.tell(Event{File: e.name, Size: e.size, Have: p.have + int64(n)})
	}})
	if err == nil && p.have < e.size {
		err = fmt.Errorf("%s: reply must have %d bytes (it ended after %d)", resp.Request.URL.Host, e.size, p.have)
	}
	return max(0, p.have-from), broken(ctx, err)
}

// begin judges the head of a reply: whether it continues where we are, begins
// anew, or is none.
func (c *client) begin(resp *http.Response, e entry, p *partial) error {
	host := resp.Request.URL.Host
	switch resp.StatusCode {
	case http.StatusPartialContent:
		want := fmt.Sprintf("bytes %d-%d/%d", p.have, e.size-1, e.size)
		if got := resp.Header.Get("Content-Range"); got != want {
			return errors.Join(fmt.Errorf("%s: Content-Range must be %q (got %q)", host, want, remote.Excerpt(got, c.token)), p.restart())
		}
		return nil
	case http.StatusOK: // from the start, whatever was asked for
		if p.have > 0 {
			return p.restart()
		}
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(fmt.Errorf("%s: must have bytes from %d on (got status 416)", host, p.have), p.restart())
	}
	return c.refused(resp, e.name)
}

// refused is the error of a reply without content.
func (c *client) refused(resp *http.Response, what string) error {
	status, host := resp.StatusCode, resp.Request.URL.Host
	err := fmt.Errorf("%s: must send the file (got status %d)", host, status)
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return remote.Later(err, resp.Header, c.deps.Now())
	case host == c.endpoint.Host:
		if told := c.statusError(status, what); told != nil {
			return remote.Permanent(told)
		}
	case status == http.StatusForbidden: // a link to a store of files that has run out: ask the hub for a new one
		return err
	}
	return remote.Permanent(err)
}

// head asks for size and sum of a file where the list does not tell them.
func (c *client) head(ctx context.Context, commit string, e entry) (entry, error) {
	err := c.retry(ctx, func(int) (_ bool, err error) {
		e, err = c.headOnce(ctx, commit, e)
		return false, err
	})
	return e, err
}

// headOnce reads the headers of the hub's own reply, which may be a redirect.
func (c *client) headOnce(ctx context.Context, commit string, e entry) (entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no reply within %v", silence))
	defer cancel()
	req, err := c.request(ctx, http.MethodHead, commit, e.name)
	if err != nil {
		return e, err
	}
	own := *c.http
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != c.endpoint.Host {
			return http.ErrUseLastResponse
		}
		return c.checkRedirect(req, via)
	}
	resp, err := own.Do(req)
	if err != nil {
		return e, broken(ctx, err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 400 {
		return e, c.refused(resp, e.name)
	}
	sum := cmp.Or(resp.Header.Get("X-Linked-Etag"), resp.Header.Get("ETag"))
	sum = strings.Trim(strings.TrimPrefix(sum, "W/"), `"`)
	size, err := strconv.ParseInt(cmp.Or(resp.Header.Get("X-Linked-Size"), resp.Header.Get("Content-Length")), 10, 64)
	if !sumPattern.MatchString(sum) || err != nil || size < 0 {
		return e, remote.Permanent(fmt.Errorf("%s: must tell sum and size of the file (got %q, %d)", resp.Request.URL.Host, remote.Excerpt(sum, c.token), size))
	}
	e.sum, e.size = sum, size
	return e, nil
}

// request asks for a file at a commit.
func (c *client) request(ctx context.Context, method, commit, name string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint.JoinPath(c.name, "resolve", commit, name).String(), nil)
	if err != nil {
		return nil, remote.Permanent(err)
	}
	req.Header.Set("User-Agent", "pgsrm")
	req.Header.Set("Accept-Encoding", "identity") // the very bytes, which sum and range are about
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// checkRedirect takes the token from requests to any other host.
func (c *client) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return remote.Permanent(fmt.Errorf("%s: must lead to the file (got 10 redirects)", via[0].URL.Host))
	case c.endpoint.Scheme == "https" && req.URL.Scheme != "https":
		return remote.Permanent(fmt.Errorf("%s: must not lead away from https (got %s)", via[0].URL.Host, req.URL.Scheme+"://"+req.URL.Host))
	case req.URL.Host != c.endpoint.Host || req.URL.Scheme != c.endpoint.Scheme:
		req.Header.Del("Authorization")
		req.Header.Del("Referer")
	}
	return nil
}

// broken is a request or a reply that broke off, without its URL: links to
// stores of files hold signatures.
func broken(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var asURL *url.Error
	if errors.As(err, &asURL) {
		err = asURL.Err
		if u, bad := url.Parse(asURL.URL); bad == nil && !remote.Lasting(err) {
			err = fmt.Errorf("%s: %w", u.Host, err)
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// progressReader tells how much each read brought.
type progressReader struct {
	io.Reader
	told func(n int)
}

func (r progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.told(n)
	}
	return n, err
}
