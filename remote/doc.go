// Package remote asks model servers over HTTP and JSON. It is the only layer
// that waits, retries, limits the rate and counts; a call either has a whole,
// checked reply or an *Error, never a half one. Keys come from environment
// variables and appear nowhere.
//
// What is retried, and how long to wait, follows the client libraries of the
// servers (OpenAI's Python client 1.x): 408, 409, 429, 5xx and broken
// connections; retry-after-ms, then Retry-After; else 0.5 s doubling up to 8 s.
// Beyond that, replies that are cut or no proper JSON are retried as well.
package remote
