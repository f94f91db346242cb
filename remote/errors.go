package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Kind names what went wrong; the counters of Stats have one count for each.
type Kind string

// The kinds of faults.
const (
	Connection  Kind = "connection"   // refused, reset, unknown host, TLS: no reply began
	Cut         Kind = "cut"          // the connection broke in the middle of a reply
	Timeout     Kind = "timeout"      // no whole reply within the time of an attempt
	RateLimited Kind = "rate_limited" // 429
	Server      Kind = "server"       // 5xx, 408, 409, 425
	Auth        Kind = "auth"         // 401, 403
	Rejected    Kind = "rejected"     // every other status: the request itself was refused
	Redirect    Kind = "redirect"     // to another host, or one that would lose the request
	TooLarge    Kind = "too_large"    // a reply beyond the limit
	Reply       Kind = "reply"        // a reply that is no JSON, or not what was asked for
	Down        Kind = "down"         // not tried: the calls before failed one after the other
	Canceled    Kind = "canceled"     // the caller gave up
)

// Error is a call that failed for good. Its text names the server without
// secrets, the kind, the status and a short excerpt of the reply.
type Error struct {
	Kind      Kind
	Transient bool   // another try later can succeed
	Status    int    // of HTTP; 0 where no reply came
	Excerpt   string // of the reply, cleaned; the server's own message where it has one
	Attempts  int    // made
	URL       string // without secrets
	Err       error  // the cause; nil where the status says all

	retryAfter time.Duration // what the server asked to wait; 0 = nothing
}

// Error is one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.URL, strings.ReplaceAll(string(e.Kind), "_", " "))
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Excerpt != "" {
		fmt.Fprintf(&b, ": %q", e.Excerpt)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// statusError judges a reply by its status; nil for 2xx.
func statusError(status int, header http.Header) *Error {
	e := &Error{Kind: Rejected, Status: status}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests:
		e.Kind, e.Transient = RateLimited, true
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
		e.Kind, e.Transient = Server, true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind = Auth
	case status >= 300 && status < 400:
		e.Kind = Redirect
	}
	switch header.Get("X-Should-Retry") {
	case "true":
		e.Transient = true
	case "false":
		e.Transient = false
	}
	return e
}

// brokenError judges a request or a reply that broke off. The cause loses its
// URL, which stands in the error without secrets.
func brokenError(ctx context.Context, err error, begun bool) *Error {
	var asURL *url.Error
	if errors.As(err, &asURL) {
		err = asURL.Err
	}
	var own *Error
	var asNet net.Error
	switch {
	case errors.As(err, &own):
		return own
	case ctx.Err() != nil:
		return &Error{Kind: Canceled, Err: ctx.Err()}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &asNet) && asNet.Timeout():
		return &Error{Kind: Timeout, Transient: true, Err: errors.New("no whole reply in time")}
	case begun:
		return &Error{Kind: Cut, Transient: true, Err: err}
	}
	return &Error{Kind: Connection, Transient: transientDial(err), Err: err}
}

// transientDial is false for what no waiting mends: a host that does not exist,
// a certificate that does not fit.
func transientDial(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return true
	}
	return !strings.Contains(err.Error(), "x509:") && !strings.Contains(err.Error(), "unsupported protocol scheme") &&
		!strings.Contains(err.Error(), "HTTP response to HTTPS client")
}
