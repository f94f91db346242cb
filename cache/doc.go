// Package cache keeps what parents, embedders and rewards of the user's own answered, so that each thing is
// asked once: in a file on this machine (bbolt) or in a Redis server for many.
//
// An entry is found by the digest of everything that decided it (Key), carries a
// checksum and is verified whenever it is read. Only answers are kept, never
// errors. The cache is a convenience: whatever happens to it is a warning and a
// miss, and no run fails because of it.
//
//	key.go      the digest of a request
//	entry.go    the bytes of an entry: header, value, checksum
//	cache.go    Cache: reads, writes in batches; open.go: where it is
//	outage.go   what happens while the store is away
//	file.go     the store in a file: operations; hold.go: taking the file and giving
//	            it back to other processes, setting it aside; lock.go: whose turn it is
//	pages.go    whether a file is ours and can be borne, before bbolt sees it; walk.go: page by page
//	book.go     the buckets of the file, eviction; compact.go: the file without gaps
//	redis.go    the store in a Redis server
//	through.go  memory over single-flight over the cache over a source; its counts
//	keep.go     statistics, prune; port.go: export and import
package cache
