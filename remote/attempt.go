package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// attempt sends the request once and judges what comes back: nil, or an error
// that says whether another attempt makes sense.
func (c *Client) attempt(ctx context.Context, call Call, body []byte, n int) *Error {
	if err := c.enter(ctx, call.Tokens); err != nil {
		return &Error{Kind: Canceled, Err: err}
	}
	defer func() { <-c.slots }()
	c.meter.update(func(s *Stats) {
		s.Requests++
		if n > 1 {
			s.Retries++
		}
	})
	begun := c.deps.Now()
	reply, e := c.send(ctx, call.Path, body)
	if e == nil {
		e = c.check(call, reply)
	}
	if e = e.scrub(c.key()); e != nil {
		if call.Final != nil && e.Transient && call.Final(e) {
			e.Transient = false
		}
		c.meter.update(func(s *Stats) { s.Faults[e.Kind]++ })
		return e
	}
	c.meter.success(c.deps.Now().Sub(begun), len(reply))
	return nil
}

// enter waits for the rate limits and for a free slot, which it takes.
func (c *Client) enter(ctx context.Context, tokens int) error {
	if err := c.wait(ctx, c.limiter.delay(c.deps.Now(), tokens)); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send makes one HTTP request and reads its whole reply.
func (c *Client) send(ctx context.Context, path string, body []byte) ([]byte, *Error) {
	timed, cancel := context.WithTimeout(ctx, seconds(c.opt.TimeoutS))
	defer cancel()
	req, err := c.request(timed, path, body)
	if err != nil {
		return nil, &Error{Kind: Rejected, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, brokenError(ctx, err, false)
	}
	defer resp.Body.Close()
	bad := statusError(resp.StatusCode, resp.Header)
	if bad == nil {
		return c.read(ctx, resp)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what came of it, if anything
	if len(text) == maxErrorBody {
		text = cutBody(text, c.key())
	}
	bad.retryAfter = retryAfter(resp.Header, c.deps.Now())
	bad.Excerpt = clean(message(text), c.key())
	return nil, bad
}

// maxErrorBody is how much is read of the reply to a failed request.
const maxErrorBody = 64 << 10

// request makes the HTTP request: POST with a body, GET without.
func (c *Client) request(ctx context.Context, path string, body []byte) (*http.Request, error) {
	method := http.MethodGet
	var reader io.Reader
	if body != nil {
		method, reader = http.MethodPost, bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url(path), reader)
	if err != nil {
		return nil, errors.New("address must be a URL")
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key := c.key(); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return req, nil
}

// read reads the reply up to the limit. One beyond it is refused for good: the
// same request would bring the same.
func (c *Client) read(ctx context.Context, resp *http.Response) ([]byte, *Error) {
	limit := int64(c.opt.MaxReplyMB * (1 << 20))
	tooLarge := &Error{Kind: TooLarge, Status: resp.StatusCode, Err: fmt.Errorf("reply must have at most %g MB", c.opt.MaxReplyMB)}
	if resp.ContentLength > limit {
		return nil, tooLarge
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		e := brokenError(ctx, err, true)
		e.Status = resp.StatusCode
		return nil, e
	case int64(len(reply)) > limit:
		return nil, tooLarge
	}
	return reply, nil
}

// check lets the caller read the reply.
func (c *Client) check(call Call, reply []byte) *Error {
	err := c.keepsKey(reply)
	if err == nil {
		err = call.Check(reply)
	}
	if err == nil {
		return nil
	}
	e := &Error{Kind: Reply, Transient: !Lasting(err), Status: http.StatusOK, Err: err, Excerpt: clean(string(reply), c.key())}
	return e
}

// checkRedirect follows only what keeps request and key where they belong.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case req.URL.Scheme != c.base.Scheme || req.URL.Host != c.base.Host:
		return &Error{Kind: Redirect, Err: fmt.Errorf("must not lead to another host (got %s)", req.URL.Scheme+"://"+req.URL.Host)}
	case req.Method != via[0].Method:
		return &Error{Kind: Redirect, Err: fmt.Errorf("must keep the request (got a redirect to %s by %s)", req.URL.Path, req.Method)}
	case len(via) >= 3:
		return &Error{Kind: Redirect, Err: errors.New("must lead to a reply (got three redirects)")}
	}
	return nil
}
