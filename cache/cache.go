// Package cache keeps what parents and embedders answered, so that each thing is
// asked once: in a file on this machine or in a Redis server for many.
package cache

// Cache is a store of answers by the digest of their request. A nil Cache keeps
// nothing.
type Cache struct{}
