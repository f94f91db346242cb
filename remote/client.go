package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Deps are what tests replace; what is nil is the real thing.
type Deps struct {
	Now       func() time.Time
	Sleep     func(ctx context.Context, d time.Duration) error // returns the context's error when it ends first
	Jitter    func() float64                                   // in 0..1; changes waits only
	Getenv    func(name string) string
	Transport http.RoundTripper
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	opt       Options
	deps      Deps
	http      *http.Client
	key       func() string // a function, so that printing a client shows no key
	slots     chan struct{} // [Concurrency]
	limiter   *limiter
	breaker   *breaker
	meter     *meter
	userAgent string
}

// New makes a client of the server at base, an http or https URL without user,
// password and query. Nothing is sent yet.
func New(base string, opt Options, deps Deps) (*Client, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	deps = deps.Filled(opt.Concurrency)
	key, err := readKey(opt.KeyEnv, deps.Getenv)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: u, opt: opt, deps: deps, key: func() string { return key },
		slots: make(chan struct{}, opt.Concurrency), limiter: newLimiter(opt),
		breaker: &breaker{limit: max(minInARow, opt.Concurrency)}, meter: newMeter(), userAgent: "pgsrm",
	}
	c.http = &http.Client{Transport: deps.Transport, CheckRedirect: c.checkRedirect}
	return c, nil
}

// Close closes connections that are idle, which otherwise stay open for a while. It is not to
// be used with a transport that others use too.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// parseBase reads the URL of a server. Its errors do not show secrets.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: must be http://HOST or https://HOST (got %q)", Redact(base))
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("url: must be http://HOST or https://HOST (got %q)", Redact(base))
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("url: must not have a user, a password or a query, keys belong into the environment (got %q)", Redact(base))
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// readKey reads the key from its environment variable; "" where there is none.
func readKey(name string, getenv func(string) string) (string, error) {
	if name == "" {
		return "", nil
	}
	key := strings.TrimSpace(getenv(name))
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return "", fmt.Errorf("key_env: %s must hold a key of printable characters", name)
		}
	}
	return key, nil
}

// Filled replaces what is nil by the real thing, the transport by one with so many
// connections to a host.
func (d Deps) Filled(connections int) Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Sleep == nil {
		d.Sleep = sleep
	}
	if d.Jitter == nil {
		d.Jitter = rand.Float64
	}
	if d.Getenv == nil {
		d.Getenv = os.Getenv
	}
	if d.Transport == nil {
		d.Transport = newTransport(connections)
	}
	return d
}

// Call is one request.
type Call struct {
	Path   string // after the base URL: "/chat/completions"
	Body   any    // sent as JSON by POST; nil = GET
	Tokens int    // estimate, for the limit of tokens per minute
	// Check reads the reply and says what is wrong with it: such a reply is asked
	// for again, unless the error is marked by Permanent. It may be called several
	// times, and must take a later reply in place of an earlier one.
	Check func(reply []byte) error
	// Final, where set, says of a transient error that this server never mends it.
	Final func(e *Error) bool
}

// Do makes the call, again and again where that can help, until its reply
// passes the check. The error is an *Error.
func (c *Client) Do(ctx context.Context, call Call) error {
	c.meter.update(func(s *Stats) { s.Calls++ })
	attempts, down := c.breaker.state(c.deps.Now(), c.opt.Attempts)
	if down != nil {
		return c.failed(&Error{Kind: Down, Transient: true, URL: down.URL, Err: fmt.Errorf("the calls before failed one after the other, the last: %w", down)})
	}
	e := c.try(ctx, call, attempts)
	c.breaker.done(c.deps.Now(), e)
	if e != nil {
		return c.failed(e)
	}
	return nil
}

// failed counts a call that failed for good.
func (c *Client) failed(e *Error) error {
	c.meter.update(func(s *Stats) { s.Failures[e.Kind]++ })
	return e
}

// try makes up to so many attempts within the time of a call.
func (c *Client) try(ctx context.Context, call Call, attempts int) *Error {
	var body []byte
	if call.Body != nil {
		var err error
		if body, err = json.Marshal(call.Body); err != nil {
			return &Error{Kind: Rejected, URL: c.url(call.Path), Err: err}
		}
	}
	var last *Error
	retry := Retry{Attempts: attempts, GiveUp: seconds(c.opt.GiveUpS), Now: c.deps.Now, Jitter: c.deps.Jitter}
	retry.Sleep = func(ctx context.Context, d time.Duration) error {
		if last.retryAfter > 0 {
			c.limiter.pause(c.deps.Now().Add(d)) // the others would meet the same
		}
		return c.wait(ctx, d)
	}
	err := retry.Do(ctx, func(n int) (bool, error) {
		if last = c.attempt(ctx, call, body, n); last == nil {
			return false, nil
		}
		last.Attempts, last.URL = n, c.url(call.Path)
		return false, last
	})
	if err == nil {
		return nil
	}
	if err != error(last) { // the caller gave up between two attempts
		last.Kind, last.Transient, last.Err = Canceled, false, errors.Join(ctx.Err(), last.Err)
	}
	return last
}

// wait sleeps and counts it.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	c.meter.update(func(s *Stats) { s.WaitedS += d.Seconds() })
	return c.deps.Sleep(ctx, d)
}

// url is the address of a path, without secrets.
func (c *Client) url(path string) string { return c.base.String() + path }

// URL is the address of the server, without secrets.
func (c *Client) URL() string { return c.base.String() }

// HasKey says whether a key is sent.
func (c *Client) HasKey() bool { return c.key() != "" }

// Stats is a snapshot of the counts.
func (c *Client) Stats() Stats { return c.meter.snapshot() }

// Each calls f for every i below n, as many at once as the server may be asked,
// and returns when all are done. Once the context ends f still gets every i.
func (c *Client) Each(n int, f func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range min(n, c.opt.Concurrency) {
		all.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
