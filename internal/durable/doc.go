// Package durable keeps files and folders whole: what it writes is either as it
// was before or complete, whatever happens to the process or the machine, and
// what a killed process left half-done can be told from the rest and removed.
//
//	write.go     a file or a folder written aside, synced, renamed; folder entries made durable
//	remove.go    folders removed so that no half is taken for a whole; leftovers of killed writers
//	exchange_*   the exchange of two names in one step, where the system has it
//	digest.go    the SHA-256 of a file
//	lock.go      a lock between processes, and who holds it
//	lock_*       the system calls of the lock
//
// New files and folders have the permissions that the umask leaves.
package durable
