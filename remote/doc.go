// Package remote asks model servers over HTTP and JSON. It is the only layer
// that waits, retries, limits the rate and counts; a call either has a whole,
// checked reply or an *Error, never a half one. Keys come from environment
// variables and appear nowhere: not in a message, a log or a value that is kept,
// even where a server repeats them in another spelling.
//
// What is retried, and how long to wait, follows the client libraries of the
// servers (OpenAI's Python client 1.x): 408, 409, 429, 5xx and broken
// connections; retry-after-ms, then Retry-After; else 0.5 s doubling up to 8 s.
// Beyond that, replies that are cut or no proper JSON are retried as well.
//
//	client.go     Client, Call: one request, repeated until its reply passes
//	attempt.go    one attempt: limits, request, reply, redirects
//	transport.go  connections; what net/http would log about them
//	retry.go      Retry, the one loop; wait.go: how long to wait; limit.go: rates, a server that is down
//	decode.go     JSON read strictly; the server's own words in a refusal
//	errors.go     kinds of faults, what passes and what lasts
//	secret.go     the key in any spelling; redact.go: excerpts fit to be shown
//	options.go    limits of a server; spec.go: MODEL@URL
//	stats.go      counts and latencies
package remote
