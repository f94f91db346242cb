// Package dashboard shows run directories live on a web page: those that are trained now
// and those that have ended.
//
// A Server looks for runs at or below a folder, follows their files and serves the page and
// what it asks for; docs/dashboard.md describes both. Files are only read, each line once:
// a follower remembers how far it is and starts anew where a file is another one, or shorter,
// than it was, as after a run was resumed. Of every metric a run keeps a series of buckets of
// equal numbers of points, some hundred whatever the length of the run, with mean, smallest
// and largest value: memory depends on the number of runs and metrics, not on their rows.
//
// Names, configurations, warnings and answers are texts from outside. They leave the server
// in JSON, cut to a length and with control characters made visible (internal/printable), and
// reach the document as text nodes; the content security policy allows nothing but the
// page's own script and style.
package dashboard
