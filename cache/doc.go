// Package cache keeps what parents and embedders answered, so that each thing is
// asked once: in a file on this machine (bbolt) or in a Redis server for many.
//
// An entry is found by the digest of everything that decided it (Key), carries a
// checksum and is verified whenever it is read. Only answers are kept, never
// errors. The cache is a convenience: whatever happens to it is a warning and a
// miss, and no run fails because of it.
//
//	key.go      the digest of a request
//	entry.go    the bytes of an entry: header, value, checksum
//	cache.go    Cache: reads, writes in batches, what happens when the store is away
//	file.go     the store in a file, shared by the processes of a machine
//	redis.go    the store in a Redis server
//	through.go  memory over single-flight over the cache over a source; its counts
//	port.go     statistics, export, import, prune; compact.go gives back what prune freed
package cache
