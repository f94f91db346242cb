// Package hub fetches models and data sets from a Hugging Face hub into the local cache
// that all programs of this kind share:
//
//	models--ORG--NAME/blobs/CHECKSUM            the content of a file (datasets--ORG--NAME likewise)
//	models--ORG--NAME/snapshots/COMMIT/PATH     a link to it under its name
//	models--ORG--NAME/refs/REVISION             the commit that a branch or tag is at
//
// A download resumes where it broke off, is checked against the sum that the hub
// gives (SHA-256, or git's SHA-1 of small files), and only then gets its name; the
// reference is written when the snapshot is whole. The token is sent to the hub
// alone, never to a host that the hub leads to, and appears in no message.
//
//	pull.go      Pull: the environment, all files of a model
//	listing.go   what the hub says a model holds; which files are fetched
//	names.go     ORG/NAME, revisions, the folder of a model in the cache
//	filename.go  names that every system takes for a file in the folder
//	fetch.go     one file: lock, attempts, redirects
//	partial.go   a file that is being fetched, and its sum
//	store.go     the cache: contents, names, references
package hub
